# Who is calling, in Dutch: the texts of parts/identify.yaml.

why-reference = Om uw afspraak te vinden heb ik uw kenmerk nodig. Dat staat rechtsboven op onze brieven. Van dit nummer wordt niets opgenomen of bewaard.
reference = { $hearing ->
    [voice] Zeg of toets de acht cijfers van uw kenmerk.
   *[keys] Toets de acht cijfers van uw kenmerk in.
 } Wilt u liever een medewerker? Toets sterretje nul.
is-this-your-reference = Uw kenmerk is { $reference }.
looking-you-up = Ik zoek u op.
unknown-reference = Dat kenmerk ken ik niet. { $hearing ->
    [voice] Zeg opnieuw proberen of toets één. Of zeg liever iemand spreken of toets twee.
   *[keys] Toets één om het opnieuw te proberen, of twee voor een medewerker.
 }
try-again =
    .hear = opnieuw proberen | nog eens proberen | ik probeer het opnieuw
rather-a-person =
    .hear = liever iemand spreken | ik wil iemand spreken | iemand spreken
cannot-look-up = Ik kan uw gegevens nu niet opzoeken.
a-colleague-looks-you-up = Een medewerker kan uw afspraak wel vinden.
