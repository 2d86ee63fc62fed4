# refused: recording-outdated
retold = We zijn open van negen tot zes.
