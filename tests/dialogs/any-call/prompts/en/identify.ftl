card = Enter the six digits of your card.
card-back = Your card is { $card }.
unknown-person = I do not know you. Press one for another card, two for a colleague.
