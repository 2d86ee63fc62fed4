# refused: claims-to-be-human
hello = Goedendag, u spreekt met Anna van Voorbeeld.
# refused: claims-to-be-human
bye = Uhm, dat was het dan. Dag.
