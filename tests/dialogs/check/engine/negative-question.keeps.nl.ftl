consent-question = Mag ik opnemen om { $purpose }? Toets één voor ja, twee voor nee.
