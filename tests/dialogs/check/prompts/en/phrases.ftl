menu = Tell me.
bye = Bye.
first =
    .hear = one
second =
    .hear = two
person =
    .hear = somebody
# refused: phrase-collision
other-language =
    .hear = language | Nederlands
