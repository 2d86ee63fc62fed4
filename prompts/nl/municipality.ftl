# What the municipality's line says, in Dutch. `.hear` lists what a caller may say for an option, separated by |.
# Short sentences and plain words (taalniveau B1). Times come from the appointments' service in both languages: { $free_first_nl }.

nobody-at-the-desk = Het stadhuis is nu gesloten. Een afspraak maken of afzeggen kan wel, bij mij.

how-can-i-help = Waarmee kan ik u helpen? { $hearing ->
    [voice] U kunt zeggen: afspraak maken, afspraak afzeggen, of openingstijden. Of toets één om een afspraak te maken, twee om een afspraak af te zeggen, drie voor de openingstijden.
   *[keys] Toets één om een afspraak te maken, twee om een afspraak af te zeggen, drie voor de openingstijden.
 }
make-appointment =
    .hear = afspraak maken | een afspraak maken | ik wil een afspraak maken | afspraak
cancel-appointment =
    .hear = afspraak afzeggen | mijn afspraak afzeggen | ik wil mijn afspraak afzeggen | afzeggen | annuleren
town-hall-hours =
    .hear = openingstijden | openingstijd | wanneer is het stadhuis open

subject = Waarvoor wilt u langskomen? { $hearing ->
    [voice] U kunt zeggen: paspoort, verhuizing of geboorte. Of toets één voor een paspoort of identiteitskaart, twee om een verhuizing door te geven, drie om een geboorte aan te geven.
   *[keys] Toets één voor een paspoort of identiteitskaart, twee om een verhuizing door te geven, drie om een geboorte aan te geven.
 }
passport =
    .hear = paspoort | identiteitskaart | een paspoort | een nieuw paspoort | een identiteitskaart | id kaart
moving =
    .hear = verhuizing | verhuizen | ik ga verhuizen | een verhuizing doorgeven
birth =
    .hear = geboorte | geboorteaangifte | een geboorte aangeven | aangifte van een geboorte

moving-online = U kunt uw verhuizing ook zonder afspraak doorgeven, op onze website. Dat mag vanaf vier weken voor tot vijf dagen na de verhuizing.
birth-term = Een geboorte geeft u aan binnen drie dagen. De dag van de geboorte telt niet mee.
looking-for-times = Ik kijk wanneer u terechtkunt.

times = Dit zijn de eerste momenten. Eén: { $free_first_nl }. Twee: { $free_second_nl }. Drie: { $free_third_nl }. { $hearing ->
    [voice] Welk moment wilt u? Zeg de eerste, de tweede of de derde, of toets het nummer. Zeg later of toets vier voor latere momenten.
   *[keys] Toets het nummer van het moment dat u wilt, of vier voor latere momenten.
 }
first-time =
    .hear = de eerste | eerste | het eerste moment
second-time =
    .hear = de tweede | tweede | het tweede moment
third-time =
    .hear = de derde | derde | het derde moment
later-times =
    .hear = later | een later moment | liever later | geen van deze
still-free = Ik kijk of dat moment nog vrij is.
just-gone = Dat moment is helaas net bezet. We kiezen een ander moment.

read-back = U komt { $appointment_when_nl } naar het stadhuis, voor { $appointment_subject ->
    [passport] een paspoort of identiteitskaart
    [moving] het doorgeven van uw verhuizing
   *[birth] de aangifte van een geboorte
 }. Zal ik dit vastleggen? { $hearing ->
    [voice] Zeg ja of toets één. Zeg nee of toets twee voor een ander moment.
   *[keys] Toets één voor ja, of twee voor een ander moment.
 }
yes-book =
    .hear = ja | ja graag | ja dat is goed | graag
no-other-time =
    .hear = nee | nee liever niet | een ander moment
one-moment = Een ogenblik.
booked = Uw afspraak staat vast. Uw afspraaknummer is { $booked_number }. Ik herhaal: { $booked_number }.

bring-for-passport = Neem uw oude paspoort of identiteitskaart mee, en een pasfoto die niet ouder is dan zes maanden.
bring-for-moving = Neem uw paspoort, identiteitskaart of rijbewijs mee, en uw huurcontract of koopakte.
bring-for-birth = Neem uw paspoort of identiteitskaart mee. Heeft u een verklaring van de verloskundige of het ziekenhuis? Neem die dan ook mee.

looking-for-appointment = Ik zoek uw afspraak op.
cancel-this = U heeft een afspraak { $planned_when_nl }. Wilt u die afzeggen? { $hearing ->
    [voice] Zeg ja of toets één. Zeg nee of toets twee.
   *[keys] Toets één voor ja, twee voor nee.
 }
yes-cancel =
    .hear = ja | ja graag | ja afzeggen | ja die wil ik afzeggen
no-keep-it =
    .hear = nee | nee niet afzeggen | laat maar staan
cancelled = Uw afspraak is afgezegd. Dank u wel dat u het laat weten.
it-stays = Goed, uw afspraak blijft staan.
no-appointment = Ik vind geen afspraak van u.

we-are-open-now = Het stadhuis is nu open.
we-are-closed-now = Het stadhuis is nu gesloten.
town-hall-hours-are = We zijn op maandag, dinsdag en woensdag open van negen tot vijf uur, op donderdag van negen uur 's ochtends tot acht uur 's avonds, en op vrijdag van negen tot één uur. U komt altijd op afspraak.

nothing-free = Ik vind de komende weken geen vrij moment.
not-booked = Het is niet gelukt om de afspraak vast te leggen. Er staat dus nog niets vast.
no-connection = Ik kan nu niet bij de afspraken.
a-colleague-helps = Een medewerker helpt u verder.
call-when-open = Onze medewerkers zijn er nu niet. Wilt u ons bellen als het stadhuis open is? Op werkdagen kan dat vanaf negen uur. Onze excuses.

anything-else = Kan ik nog iets voor u doen? { $hearing ->
    [voice] Zeg ja of toets één. Zeg nee of toets twee.
   *[keys] Toets één voor ja, twee voor nee.
 }
yes-more =
    .hear = ja | ja graag | jawel
no-thanks =
    .hear = nee | nee bedankt | nee dank u | nee dank u wel
thank-you = Bedankt voor uw telefoontje naar de { $organisation }. Tot ziens.
