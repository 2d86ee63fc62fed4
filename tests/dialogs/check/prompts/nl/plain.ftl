bye = Dit gesprek is niet opgenomen. Misschien tot een volgende keer. Wilt u misschien contact opnemen met een winkel? Dag.
