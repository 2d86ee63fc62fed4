welcome = Welkom.
bye = Dag.
