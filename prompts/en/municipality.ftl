# What the municipality's line says, in English. `.hear` lists what a caller may say for an option, separated by |.
# Short sentences and plain words. Times come from the appointments' service in both languages: { $free_first_en }.

nobody-at-the-desk = The town hall is closed now. You can still make or cancel an appointment with me.

how-can-i-help = How can I help you? { $hearing ->
    [voice] You can say: make an appointment, cancel my appointment, or opening hours. Or press one to make an appointment, two to cancel one, three for the opening hours.
   *[keys] Press one to make an appointment, two to cancel one, three for the opening hours.
 }
make-appointment =
    .hear = make an appointment | an appointment | appointment | i would like an appointment
cancel-appointment =
    .hear = cancel my appointment | cancel an appointment | cancel | i want to cancel
town-hall-hours =
    .hear = opening hours | when are you open | when is the town hall open

subject = What would you like to come for? { $hearing ->
    [voice] You can say: passport, moving or birth. Or press one for a passport or identity card, two to report that you are moving, three to register a birth.
   *[keys] Press one for a passport or identity card, two to report that you are moving, three to register a birth.
 }
passport =
    .hear = passport | a passport | a new passport | identity card | an identity card
moving =
    .hear = moving | i am moving | moving house | change of address
birth =
    .hear = birth | register a birth | a birth

moving-online = You can also report your move on our website, without an appointment. You can do so from four weeks before the move until five days after it.
birth-term = A birth must be registered within three days. The day of the birth itself does not count.
looking-for-times = Let me see when you can come.

times = These are the first times. One: { $free_first_en }. Two: { $free_second_en }. Three: { $free_third_en }. { $hearing ->
    [voice] Which one would you like? Say the first, the second or the third, or press its number. Say later or press four for later times.
   *[keys] Press the number of the one you would like, or four for later times.
 }
first-time =
    .hear = the first | first | the first one
second-time =
    .hear = the second | second | the second one
third-time =
    .hear = the third | third | the third one
later-times =
    .hear = later | a later time | none of these
still-free = Let me see whether that time is still free.
just-gone = I am sorry, that time has just been taken. Let us choose another one.

read-back = You will come to the town hall on { $appointment_when_en }, { $appointment_subject ->
    [passport] for a passport or identity card
    [moving] to report that you are moving
   *[birth] to register a birth
 }. Shall I book this? { $hearing ->
    [voice] Say yes or press one. Say no or press two for another time.
   *[keys] Press one for yes, or two for another time.
 }
yes-book =
    .hear = yes | yes please | yes that is fine | please do
no-other-time =
    .hear = no | rather not | another time
one-moment = One moment.
booked = Your appointment is booked. Your appointment number is { $booked_number }. Once more: { $booked_number }.

bring-for-passport = Please bring your old passport or identity card, and a passport photo that is no more than six months old.
bring-for-moving = Please bring your passport, identity card or driving licence, and your rental contract or deed of purchase.
bring-for-birth = Please bring your passport or identity card. If you have a statement from the midwife or the hospital, bring that as well.

looking-for-appointment = I am looking up your appointment.
cancel-this = You have an appointment on { $planned_when_en }. Do you want to cancel it? { $hearing ->
    [voice] Say yes or press one. Say no or press two.
   *[keys] Press one for yes, two for no.
 }
yes-cancel =
    .hear = yes | yes please | yes cancel it
no-keep-it =
    .hear = no | no keep it | leave it
cancelled = Your appointment is cancelled. Thank you for letting us know.
it-stays = Fine, your appointment stays as it is.
no-appointment = I cannot find an appointment of yours.

we-are-open-now = The town hall is open now.
we-are-closed-now = The town hall is closed now.
town-hall-hours-are = We are open on Monday, Tuesday and Wednesday from nine to five, on Thursday from nine in the morning to eight in the evening, and on Friday from nine to one. You always need an appointment.

nothing-free = I cannot find a free time in the coming weeks.
not-booked = The appointment could not be booked. So nothing is fixed yet.
no-connection = I cannot reach the appointments just now.
a-colleague-helps = A colleague will help you.
call-when-open = Our colleagues are not there at the moment. Please call us when the town hall is open, on weekdays from nine o'clock. We are sorry.

anything-else = Can I do anything else for you? { $hearing ->
    [voice] Say yes or press one. Say no or press two.
   *[keys] Press one for yes, two for no.
 }
yes-more =
    .hear = yes | yes please | yeah
no-thanks =
    .hear = no | no thanks | no thank you
thank-you = Thank you for calling { $organisation }. Goodbye.
