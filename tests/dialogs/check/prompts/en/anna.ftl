# refused: claims-to-be-human
hello = Hello, my name is Anna.
# refused: claims-to-be-human
bye = I am a real person, so call again. Bye.
