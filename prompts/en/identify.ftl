# Who is calling, in English: the texts of parts/identify.yaml.

why-reference = To find your appointment I need your reference number. It is at the top right of our letters. Nothing of this number is recorded or kept.
reference = { $hearing ->
    [voice] Please say or key in the eight digits of your reference number.
   *[keys] Please key in the eight digits of your reference number.
 } Would you rather speak to a colleague? Press star zero.
is-this-your-reference = Your reference number is { $reference }.
looking-you-up = I am looking you up.
unknown-reference = I do not know that reference number. { $hearing ->
    [voice] Say try again or press one. Or say rather a colleague or press two.
   *[keys] Press one to try again, or two for a colleague.
 }
try-again =
    .hear = try again | let me try again
rather-a-person =
    .hear = rather a colleague | i would rather speak to somebody
cannot-look-up = I cannot look you up just now.
a-colleague-looks-you-up = A colleague can find your appointment.
