# refused: claims-to-be-human
disclosure-automated = Goedendag, u spreekt met Robin, de nieuwe stem van { $organisation }. Liever iemand anders? Toets nul.
