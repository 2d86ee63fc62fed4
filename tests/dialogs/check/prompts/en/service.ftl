# Texts that the dialogs beside this folder share.
welcome = Welcome to the service line.
menu = Press one for your order, two for a return.
more = Can I do anything else for you? Press one for yes, two for no.
thanks = Thank you for the recording.
sorry = That is not possible now.
number = Please key in your number.
your-number = I have number { $number }.
order =
    .hear = order | my order
return =
    .hear = return | send back
track =
    .hear = track
runs-for = The recording runs for { $number }.
