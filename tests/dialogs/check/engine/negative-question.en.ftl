# refused: negative-question
consent-question = Do you mind if I record to { $purpose }? Press one for yes, two for no.
