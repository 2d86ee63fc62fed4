bye = Dag.
# refused: text-broken
hello = Hallo { $naam.
