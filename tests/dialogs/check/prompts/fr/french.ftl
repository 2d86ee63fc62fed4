welcome = Bienvenue.
bye = Au revoir.
