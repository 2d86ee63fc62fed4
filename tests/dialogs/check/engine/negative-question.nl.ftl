# refused: negative-question
consent-question = Hebt u er bezwaar tegen dat ik opneem om { $purpose }? Toets één voor ja, twee voor nee.
