# refused: consent-asked-by-dialog
may-we = Mogen we dit gesprek opnemen? Toets één voor ja, twee voor nee.
bye = Dag.
yes =
    .hear = ja
no =
    .hear = nee
