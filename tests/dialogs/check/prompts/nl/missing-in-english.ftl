only-dutch = Dit staat er alleen in het Nederlands.
both = Dank u.
