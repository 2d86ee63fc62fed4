# refused: text-broken
hello = Hallo { -merk }.
bye = Dag.
