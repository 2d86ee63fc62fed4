menu = Zeg het maar.
bye = Dag.
first =
    .hear = een | hetzelfde
# refused: phrase-collision
second =
    .hear = twee | Het zelfde!
# refused: phrase-collision
person =
    .hear = iemand | een medewerker
other-language =
    .hear = taal
