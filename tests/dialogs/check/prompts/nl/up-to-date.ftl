retold = We zijn open van negen tot vijf.
