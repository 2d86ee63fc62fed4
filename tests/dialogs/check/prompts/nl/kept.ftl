thanks = Dank u, tot ziens.
