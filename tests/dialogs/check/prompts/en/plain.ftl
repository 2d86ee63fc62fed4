bye = This call was not recorded. Perhaps we talk again. Bye.
