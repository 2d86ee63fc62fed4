# What the web shop's line says, in Dutch. `.hear` lists what a caller may say for an option, separated by |.

how-can-i-help = Waarmee kan ik u helpen? { $hearing ->
    [voice] U kunt zeggen: bestelling, retour of openingstijden. Of toets één voor uw bestelling, twee voor een retour, drie voor onze openingstijden.
   *[keys] Toets één voor uw bestelling, twee voor een retour, drie voor onze openingstijden.
 }
order-status =
    .hear = bestelling | mijn bestelling | waar is mijn bestelling | waar blijft mijn pakket | pakket
a-return =
    .hear = retour | terugsturen | ruilen | ik wil iets terugsturen
opening-hours =
    .hear = openingstijden | openingstijd | wanneer zijn jullie open | wat zijn jullie openingstijden | wat zijn uw openingstijden

thanks-for-recording = Dank u, met de opname kunnen we onze service verbeteren.
nothing-is-recorded = Ik neem niets op. Voor uw bestelling maakt dat niets uit.
order-number = { $hearing ->
    [voice] Zeg uw bestelnummer, cijfer voor cijfer. Of toets het in en sluit af met een hekje.
   *[keys] Toets uw bestelnummer in en sluit af met een hekje.
 }
is-this-your-order = Uw bestelnummer is { $order_number }.

one-moment = Een ogenblik, ik zoek het op.
order-day = { $order_day ->
    [monday] op maandag
    [tuesday] op dinsdag
    [wednesday] op woensdag
    [thursday] op donderdag
    [friday] op vrijdag
    [saturday] op zaterdag
    [sunday] op zondag
   *[other] op { $order_day }
 }
order-is-packed = Uw bestelling wordt ingepakt. De verzending is { order-day }.
order-is-shipped = Uw bestelling is onderweg, in { $order_pieces ->
    [one] één pakket
   *[other] { $order_pieces } pakketten
 }. De bezorging is { order-day }.
order-is-delivered = Uw bestelling is { order-day } bezorgd.
no-such-order = Ik kan bestelnummer { $order_number } niet vinden. { $hearing ->
    [voice] Zeg ander nummer of toets één. Zeg medewerker of toets nul voor een collega.
   *[keys] Toets één voor een ander nummer, nul voor een medewerker.
 }
another-number =
    .hear = ander nummer | een ander nummer

order-is-looked-up = Dank u. Een medewerker zoekt uw bestelling voor u op.
a-colleague-looks-it-up = Ik geef uw bestelnummer door, dan hoeft u het niet te herhalen.

return-number = { $hearing ->
    [voice] Zeg het bestelnummer van uw retour, cijfer voor cijfer. Of toets het in en sluit af met een hekje.
   *[keys] Toets het bestelnummer van uw retour in en sluit af met een hekje.
 }
return-explained = U kunt bestelling { $order_number } tot dertig dagen na ontvangst gratis terugsturen. Het label ligt in de doos. Plak het op het pakket en breng het naar een pakketpunt. Zodra wij het hebben ontvangen, krijgt u binnen vijf werkdagen uw geld terug.

we-are-open = Bestellen kan dag en nacht. Onze medewerkers zijn bereikbaar van maandag tot en met vrijdag, van negen tot vijf uur.

anything-else = Kan ik nog iets voor u doen? { $hearing ->
    [voice] Zeg ja of toets één. Zeg nee of toets twee.
   *[keys] Toets één voor ja, twee voor nee.
 }
yes-more =
    .hear = ja | ja graag | jawel
no-thanks =
    .hear = nee | nee bedankt | nee dank u | nee dank u wel
thank-you = Bedankt voor uw telefoontje naar { $organisation }. Nog een fijne dag.
