menu = Tell me.
bye = Bye.
heard =
    .hear = heard
silent = Silent
