card = Toets de zes cijfers van uw kaart in.
card-back = Uw kaart is { $card }.
unknown-person = Ik ken u niet. Toets één voor een andere kaart, twee voor een medewerker.
