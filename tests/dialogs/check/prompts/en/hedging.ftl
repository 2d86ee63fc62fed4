# refused: hedge-about-recording
bye = This call may be recorded. Bye.
