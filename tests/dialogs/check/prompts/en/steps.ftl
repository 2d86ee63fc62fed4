welcome = Good afternoon.
thanks = Thank you for the recording.
sorry = Sorry.
menu = Press one for your order, two for a return.
order =
    .hear = order
return =
    .hear = return
number = Enter your number.
card = Enter the four digits of your card.
your-card = Your card ends in { $card }.
we-are-open = We are open.
we-are-closed = We are closed.
one-moment = One moment.
order-status = Your order is { $order_status }, on { $order_day }, { $order_pieces } pieces { $order_open ->
    [true] and still open
   *[other] and closed
 }.
shipped = It has been sent.
no-such-order = There is no such order.
broken = That does not work now.
