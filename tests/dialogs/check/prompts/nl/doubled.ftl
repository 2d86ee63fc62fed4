bye = Dag.
# refused: question-for-two-purposes
purpose-service-improvement = onze service te verbeteren en medewerkers op te leiden
