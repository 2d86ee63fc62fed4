# The engine's own texts, in Dutch: the opening, the commands that are always there, and the sentences around a handover.
# { $hearing } is `voice` where the caller can be heard and `keys` where only the keypad works.
# Each prompt of the opening stays within 12 seconds when spoken (candor check measures it).

spoken-dot = punt
spoken-slash = slash
spoken-hyphen = streepje

# Purposes, as they follow "nemen we op om …".
purpose-service-quality = onze service te verbeteren
purpose-staff-training = medewerkers op te leiden
purpose-agreement-evidence = afspraken vast te leggen
purpose-dispute-evidence = geschillen op te lossen
purpose-complaint-handling = klachten te behandelen

disclosure-automated = Goedendag, u spreekt met de digitale assistent van { $organisation }. Dat is een computer, geen mens. { $hearing ->
    [voice] Liever een medewerker? Zeg medewerker of toets nul.
   *[keys] Liever een medewerker? Toets nul.
 }
disclosure-nothing = Van dit gesprek nemen we niets op.
disclosure-consent = Met uw toestemming nemen we op om { $purpose }. We bewaren de opname { $days ->
    [one] één dag
   *[other] { $days } dagen
 }. Uw rechten staan op { $notice }.
disclosure-contract = Uw afspraken met ons nemen we op: dat is nodig voor de overeenkomst. We bewaren ze { $days ->
    [one] één dag
   *[other] { $days } dagen
 }. Uw rechten: { $notice }.
disclosure-legitimate-interest = Uit gerechtvaardigd belang nemen we op om { $purpose } en bewaren dat { $days ->
    [one] één dag
   *[other] { $days } dagen
 }. Bij bezwaar sterretje negen. Zie { $notice }.

consent-question = Mag ik opnemen om { $purpose }? { $hearing ->
    [voice] Zeg ja of toets één. Zeg nee of toets twee.
   *[keys] Toets één voor ja. Toets twee voor nee.
 } Zonder opname help ik u net zo goed, en stoppen kan altijd.
consent-reask = Ik heb geen duidelijk antwoord gehoord. Toets één voor wel opnemen, twee voor niet. Kiest u niets, dan neem ik niet op.
consent-given = Dank u. Vanaf de volgende vraag neem ik op. { $hearing ->
    [voice] Zeg stop opname of toets sterretje negen als u wilt stoppen.
   *[keys] Toets sterretje negen als u wilt stoppen.
 }
consent-refused = Prima, daarvoor neem ik niets op en we gaan gewoon verder. { $hearing ->
    [voice] Liever een medewerker? Zeg medewerker of toets nul.
   *[keys] Liever een medewerker? Toets nul.
 }
consent-withdrawn = De opname is gestopt en uw toestemming is ingetrokken. Wat is opgenomen, is gewist. We gaan gewoon verder.
consent-withdrawn-kept = De opname waarvoor u toestemming gaf is gestopt. Een deel blijft misschien op een andere grond bewaard. Welk deel, leest u op { $notice }.
consent-withdrawn-pending = De opname is gestopt en uw toestemming is ingetrokken. Wat is opgenomen, wordt nog gewist. We gaan gewoon verder.
consent-objected = Uw bezwaar is genoteerd en de opname is gestopt. Wat is opgenomen, is gewist. We gaan gewoon verder.
not-informed = Ik kon u niet goed vertellen wat we opnemen. Daarom neem ik niets op. We gaan gewoon verder.
recording-failed = Door een storing neem ik vanaf nu niets meer op. We gaan gewoon verder.

language-offer = Voor Nederlands { $hearing ->
    [voice] zegt u Nederlands, of toetst u sterretje één.
   *[keys] toetst u sterretje één.
 }

no-input = Ik heb niets gehoord.
no-match = { $hearing ->
    [voice] Dat heb ik niet begrepen.
   *[keys] Die toets heeft hier geen betekenis.
 }
keys-only = Ik kan hier geen spraak verstaan. Gebruik de toetsen van uw telefoon.
say-again-or-key = Dat heb ik niet begrepen. Zeg het rustig nog een keer, of gebruik de toetsen van uw telefoon.
digits-wrong = Dat nummer klopt niet.
value-wrong = Dat kan niet kloppen.
read-back-keys = { $hearing ->
    [voice] Klopt dat? Zeg ja of toets één. Zeg nee of toets twee om het opnieuw te doen.
   *[keys] Toets één als dat klopt, of twee om het opnieuw te doen.
 }
option-understood = Ik begreep: { $understood-option }.
engine-failed = Ik kan u even niet verstaan. Gebruik de toetsen, of toets nul voor een medewerker.
read-back-failed = Ik kan nu niet voorlezen wat u opgaf. Toets het nog een keer in, of toets sterretje nul voor een medewerker.
cannot-be-said = Iets wat ik u wilde zeggen, lukt nu niet. Voor een medewerker toetst u sterretje nul.

handover-refused = Ik verbind u door. De medewerker weet dat u niet wordt opgenomen.
handover-given = Ik verbind u door. Mijn opname stopt nu. Wil de medewerker opnemen, dan vraagt die het u eerst.
handover-plain = Ik verbind u door met een medewerker.
handover-closed = Onze medewerkers zijn er op dit moment niet. Ik help u zelf graag verder.
handover-nobody = Er is nu geen medewerker vrij. Ik help u zelf graag verder, en ik neem niets op.
handover-back = Goed, ik help u zelf verder. Ik neem niets op.
handover-lost = De verbinding met mijn collega is weggevallen. U staat weer op uw plek in de rij.
queue-place = { $place ->
    [one] U bent nu aan de beurt: de eerste collega die vrij is, neemt op.
   *[other] U bent nummer { $place } in de rij.
 } Zolang u wacht, wordt er niets opgenomen.
queue-choices = Liever met mij verder? Toets één.
queue-choices-call-back = Liever met mij verder? Toets één. Wilt u teruggebeld worden? Toets twee.
call-back-number = Op welk nummer kunnen we u terugbellen? Toets het nummer in, en sluit af met een hekje.
call-back-confirm = Ik noteer { $call-back-number }. Klopt dat? Toets één. Klopt het niet, toets twee.
call-back-noted = We bellen u terug. Alleen een collega kan uw nummer lezen, en daarna wordt het gewist. Ik help u graag verder.
call-back-failed = Het is niet gelukt om uw nummer te bewaren. Excuses.
call-back-pending = Uw nummer bewaren duurt langer dan verwacht. Lukt het alsnog, dan bellen we u terug.
call-back-none = Ik heb geen nummer genoteerd.
shutdown = Dit systeem stopt zo meteen. Ik verbind u door met een medewerker.
shutdown-nobody = Dit systeem stopt zo meteen en er is nu geen medewerker. Wilt u het straks nog eens proberen? Excuses, en tot ziens.
goodbye = Bedankt voor uw telefoontje. Tot ziens.

# What is listened for in every state.
command-person =
    .hear = medewerker | een medewerker | medewerker alstublieft | ik wil een medewerker | een mens | een echt mens | ik wil een mens spreken | kan ik iemand spreken | mag ik iemand spreken | doorverbinden
command-repeat =
    .hear = herhaal | herhalen | nog een keer | kunt u dat herhalen | wat zei u
command-stop =
    .hear = stop opname | stop de opname | stop je opname | stop op namen | stop op naam | stop met opnemen | niet meer opnemen | opname stoppen | bezwaar
command-ask-again =
    .hear = toch opnemen | toch wel opnemen | u mag toch opnemen
command-language =
    .hear = nederlands
read-back-yes =
    .hear = ja | ja dat klopt | dat klopt | klopt
read-back-no =
    .hear = nee | nee dat klopt niet | klopt niet | opnieuw

# What callers say to show that they listen. Said into a prompt it stops nothing, unless it answers the question.
backchannel =
    .hear = ja | jaja | ja hoor | hm | hmm | mm | mhm | hm hm | uh | eh | uhm | uh huh | aha | oh | o | oké | ok | oke | goed | prima | juist | precies | inderdaad | begrepen | duidelijk | tuurlijk | natuurlijk | oh ja | o ja
