menu = Zeg het maar.
bye = Dag.
heard =
    .hear = gehoord
silent =
    .hear = stil
