hello = Goedendag, u spreekt met de digitale assistent van Voorbeeld.
bye = Dat was het. Liever een mens? Toets nul. Dag.
