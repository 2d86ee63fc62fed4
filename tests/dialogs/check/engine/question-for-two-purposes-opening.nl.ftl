# refused: question-for-two-purposes
consent-question = Mag ik opnemen om { $purpose } en voor de training van medewerkers? Toets één voor ja, twee voor nee.
