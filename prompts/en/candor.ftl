# The engine's own texts, in English: the opening, the commands that are always there, and the sentences around a handover.
# { $hearing } is `voice` where the caller can be heard and `keys` where only the keypad works.
# Each prompt of the opening stays within 12 seconds when spoken (candor check measures it).

spoken-dot = dot
spoken-slash = slash
spoken-hyphen = dash

# Purposes, as they follow "we record to …".
purpose-service-quality = improve our service
purpose-staff-training = train our staff
purpose-agreement-evidence = keep what we agree on
purpose-dispute-evidence = settle disputes
purpose-complaint-handling = deal with complaints

disclosure-automated = Hello, you are talking to the digital assistant of { $organisation }. I am a computer, not a person. { $hearing ->
    [voice] For a colleague, say agent or press zero.
   *[keys] For a colleague, press zero.
 }
disclosure-nothing = Nothing of this call is recorded.
disclosure-consent = With your consent we record to { $purpose }. We keep the recording for { $days ->
    [one] one day
   *[other] { $days } days
 }. Your rights are at { $notice }.
disclosure-contract = We record what you agree with us, because the contract needs it. We keep the recording for { $days ->
    [one] one day
   *[other] { $days } days
 }. Your rights are at { $notice }.
disclosure-legitimate-interest = We record to { $purpose }, our legitimate interest. We keep it for { $days ->
    [one] one day
   *[other] { $days } days
 }. To object, press star nine. More at { $notice }.

consent-question = May I record to { $purpose }? { $hearing ->
    [voice] Say yes or press one. Say no or press two.
   *[keys] Press one for yes. Press two for no.
 } I will help you just as well without it, and you can stop at any time.
consent-reask = I have not had a clear answer. Press one for recording, two for no recording. If you choose nothing, I will not record.
consent-given = Thank you. I record from the next question on. { $hearing ->
    [voice] Say stop recording, or press star nine, to stop.
   *[keys] Press star nine to stop.
 }
consent-refused = Fine, nothing is recorded for that and we simply carry on. { $hearing ->
    [voice] Prefer a person? Say agent or press zero.
   *[keys] Prefer a person? Press zero.
 }
consent-withdrawn = Recording has stopped and your consent is withdrawn. What was recorded has been erased. We simply carry on.
consent-withdrawn-kept = The recording you agreed to has stopped. Part of it may be kept on another ground. Which part, you can read at { $notice }.
consent-withdrawn-pending = Recording has stopped and your consent is withdrawn. What was recorded will be erased. We simply carry on.
consent-objected = Your objection is noted and recording has stopped. What was recorded has been erased. We simply carry on.
not-informed = I could not properly tell you what we record. So I record nothing. We simply carry on.
recording-failed = Because of a fault I record nothing from now on. We simply carry on.

language-offer = For English, { $hearing ->
    [voice] say English or press star one.
   *[keys] press star one.
 }

no-input = I heard nothing.
no-match = { $hearing ->
    [voice] I did not understand that.
   *[keys] That key does nothing here.
 }
keys-only = I cannot understand speech here. Please use the keys of your phone.
say-again-or-key = I did not understand that. Say it once more, slowly, or use the keys of your phone.
digits-wrong = That number is not right.
value-wrong = That cannot be right.
read-back-keys = { $hearing ->
    [voice] Is that right? Say yes or press one. Say no or press two to try again.
   *[keys] Press one if that is right, or two to try again.
 }
option-understood = I understood: { $understood-option }.
engine-failed = I cannot hear you properly just now. Please use the keys, or press zero for a colleague.
read-back-failed = I cannot read back just now what you gave. Please key it in once more, or press star zero for a colleague.
cannot-be-said = There is something that I cannot say just now. For a colleague, press star zero.

handover-refused = I am putting you through. My colleague knows that you are not being recorded.
handover-given = I am putting you through. My recording stops now. If my colleague wants to record, you will be asked first.
handover-plain = I am putting you through to a colleague.
handover-closed = Our colleagues are not there at the moment. I am happy to help you myself.
handover-nobody = No colleague is free just now. I am happy to help you myself, and I record nothing.
handover-back = Fine, I will help you myself. I record nothing.
handover-lost = The connection with my colleague broke. You are back at your place in the line.
queue-place = { $place ->
    [one] You are next: the first colleague who is free will take your call.
   *[other] You are number { $place } in line.
 } Nothing is recorded while you wait.
queue-choices = Would you rather go on with me? Press one.
queue-choices-call-back = Would you rather go on with me? Press one. Would you like us to call you back? Press two.
call-back-number = On which number can we call you back? Key in the number, and end with the hash key.
call-back-confirm = I have { $call-back-number }. Press one if that is right, or two if it is not.
call-back-noted = We will call you back. Only a colleague can read your number, and it is erased afterwards. I am happy to help you further.
call-back-failed = Your number could not be stored. I am sorry.
call-back-pending = Storing your number takes longer than expected. If it works out, we will call you back.
call-back-none = I have taken no number.
shutdown = This system is about to stop. I am putting you through to a colleague.
shutdown-nobody = This system is about to stop and no colleague is there now. Please call again later. Sorry, and goodbye.
goodbye = Thank you for calling. Goodbye.

# What is listened for in every state.
command-person =
    .hear = agent | an agent | a person | a human | colleague | speak to a person | can i speak to someone | can i talk to someone | talk to an agent | put me through
command-repeat =
    .hear = repeat | say that again | once more | pardon
command-stop =
    .hear = stop recording | stop the recording | do not record | don't record | no recording | i object
command-ask-again =
    .hear = record after all | you may record | you can record
command-language =
    .hear = english
read-back-yes =
    .hear = yes | yeah | yes that is right | that is right | correct
read-back-no =
    .hear = no | no that is wrong | wrong | again

# What callers say to show that they listen. Said into a prompt it stops nothing, unless it answers the question.
backchannel =
    .hear = yes | yeah | yep | yup | hm | hmm | mm | mhm | mm hmm | hm hm | uh | um | uh huh | uhhuh | aha | ah | oh | okay | ok | right | sure | good | fine | all right | alright | i see | got it | of course | oh yes
