we-are-open = We are open.
we-are-closed = We are closed.
thanks = Good, the recording runs.
no-thanks = Fine.
menu = Press one for your order, two for something else, three for a colleague.
order =
    .hear = order
secret =
    .hear = something else
leave =
    .hear = away
agree =
    .hear = very well
again =
    .hear = back
number = Enter your number.
number-back = That is { $order_number }.
looking = I will look up your order.
one-moment = One moment.
open-order = Your order is { $order_status }, with { $order_pieces } pieces.
shipped = Your order is { $order_status }{ $order_open ->
    [true] , and still open.
   *[false] .
 }
no-such-order = There is no such order.
broken = That does not work. Press one to try again, two for a colleague.
secret-question = Do you have debts? Press one for no, two to hear this again.
to-a-person = You will get somebody.
values =
    .hear = values
day = On which day?
day-back = That is { $day }.
hour = At what time?
postcode = What is your postcode?
postcode-back = That is { $postcode }.
amount = How much money?
pieces = How many pieces?
values-said = On { $day } at { $hour }, in { $postcode }, for { $amount }, { $pieces ->
    [one] one piece
   *[other] { $pieces } pieces
 }.
