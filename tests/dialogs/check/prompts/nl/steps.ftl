welcome = Goedemiddag.
thanks = Dank u voor de opname.
sorry = Helaas.
menu = Toets één voor uw bestelling, twee voor een retour.
order =
    .hear = bestelling
return =
    .hear = retour
number = Toets uw nummer in.
card = Toets de vier cijfers van uw kaart in.
your-card = Uw kaart eindigt op { $card }.
we-are-open = We zijn open.
we-are-closed = We zijn gesloten.
one-moment = Een ogenblik.
order-status = Uw bestelling is { $order_status }, op { $order_day }, { $order_pieces } stuks { $order_open ->
    [true] en nog open
   *[other] en afgesloten
 }.
shipped = Het is verstuurd.
no-such-order = Die bestelling is er niet.
broken = Dat lukt nu niet.
