we-are-open = We zijn open.
we-are-closed = We zijn gesloten.
thanks = Fijn, de opname loopt.
no-thanks = Goed.
menu = Toets één voor uw bestelling, twee voor iets anders, drie voor een medewerker.
order =
    .hear = bestelling
secret =
    .hear = iets anders
leave =
    .hear = weg
agree =
    .hear = goed zo
again =
    .hear = retour
number = Toets uw nummer in.
number-back = Dat is { $order_number }.
looking = Ik zoek uw bestelling op.
one-moment = Een ogenblik.
open-order = Uw bestelling is { $order_status }, met { $order_pieces } stuks.
shipped = Uw bestelling is { $order_status }{ $order_open ->
    [true] , en nog open.
   *[false] .
 }
no-such-order = Die bestelling is er niet.
broken = Dat lukt niet. Toets één om het nog eens te proberen, twee voor een medewerker.
secret-question = Heeft u schulden? Toets één voor nee, twee om dit nog eens te horen.
to-a-person = U krijgt iemand.
values =
    .hear = waarden
day = Op welke dag?
day-back = Dat is { $day }.
hour = Hoe laat?
postcode = Wat is uw postcode?
postcode-back = Dat is { $postcode }.
amount = Hoeveel geld?
pieces = Hoeveel stuks?
values-said = Op { $day } om { $hour }, in { $postcode }, voor { $amount }, { $pieces ->
    [one] één stuk
   *[other] { $pieces } stuks
 }.
