hello = Hallo.
bye = Dag.
