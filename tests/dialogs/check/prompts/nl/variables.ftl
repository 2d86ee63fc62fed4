number = Toets uw nummer in. { $hearing ->
    [voice] U kunt ook een medewerker vragen.
   *[keys] Toets nul voor een medewerker.
 }
# refused: unknown-variable
bye = Dank u, { $nummer }.
