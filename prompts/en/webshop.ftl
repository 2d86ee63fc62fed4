# What the web shop's line says, in English. `.hear` lists what a caller may say for an option, separated by |.

how-can-i-help = How can I help you? { $hearing ->
    [voice] You can say: order, return or opening hours. Or press one for your order, two for a return, three for our opening hours.
   *[keys] Press one for your order, two for a return, three for our opening hours.
 }
order-status =
    .hear = order | my order | where is my order | where is my parcel | parcel
a-return =
    .hear = return | a return | send something back | exchange
opening-hours =
    .hear = opening hours | hours | when are you open | what are your opening hours | when do you open

thanks-for-recording = Thank you, the recording helps us improve.
nothing-is-recorded = I am not recording. For your order that makes no difference.
order-number = { $hearing ->
    [voice] Please say your order number, digit by digit. Or key it in, then press the hash key.
   *[keys] Please key in your order number, then press the hash key.
 }
is-this-your-order = Your order number is { $order_number }.

one-moment = One moment, I am looking it up.
order-day = { $order_day ->
    [monday] on Monday
    [tuesday] on Tuesday
    [wednesday] on Wednesday
    [thursday] on Thursday
    [friday] on Friday
    [saturday] on Saturday
    [sunday] on Sunday
   *[other] on { $order_day }
 }
order-is-packed = Your order is being packed. It will leave us { order-day }.
order-is-shipped = Your order is on its way, in { $order_pieces ->
    [one] one parcel
   *[other] { $order_pieces } parcels
 }. It will be delivered { order-day }.
order-is-delivered = Your order was delivered { order-day }.
no-such-order = I cannot find order number { $order_number }. { $hearing ->
    [voice] Say another number or press one. Say agent or press zero for a colleague.
   *[keys] Press one for another number, zero for a colleague.
 }
another-number =
    .hear = another number | a different number

order-is-looked-up = Thank you. A colleague will look up your order.
a-colleague-looks-it-up = I will pass on your order number, so you do not have to repeat it.

return-number = { $hearing ->
    [voice] Please say the order number of your return, digit by digit. Or key it in, then press the hash key.
   *[keys] Please key in the order number of your return, then press the hash key.
 }
return-explained = You can send order { $order_number } back free of charge, up to thirty days after you received it. The label is in the box. Stick it on the parcel and take it to a parcel point. Once we have it, you will get your money back within five working days.

we-are-open = You can order day and night. Our colleagues are there from Monday to Friday, nine to five.

anything-else = Can I do anything else for you? { $hearing ->
    [voice] Say yes or press one. Say no or press two.
   *[keys] Press one for yes, two for no.
 }
yes-more =
    .hear = yes | yes please | yeah
no-thanks =
    .hear = no | no thanks | no thank you
thank-you = Thank you for calling { $organisation }. Have a nice day.
