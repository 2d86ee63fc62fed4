consent-question = May I record to { $purpose }? Press one for yes, two for no.
