thanks = Dank u.
purpose-better-calls = onze gesprekken te verbeteren
