fixed = Dit is altijd hetzelfde.
