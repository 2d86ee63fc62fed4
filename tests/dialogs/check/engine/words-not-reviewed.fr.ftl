goodbye = Merci de votre appel. Au revoir.
