# Texts that the dialogs beside this folder share.
welcome = Welkom bij de servicelijn.
menu = Toets één voor uw bestelling, twee voor een retour.
more = Kan ik nog iets voor u doen? Toets één voor ja, twee voor nee.
thanks = Dank u voor de opname.
sorry = Dat lukt nu niet.
number = Toets uw nummer in.
your-number = Ik heb nummer { $number }.
order =
    .hear = bestelling | mijn bestelling
return =
    .hear = retour | terugsturen
track =
    .hear = volgen
runs-for = De opname loopt voor { $number }.
