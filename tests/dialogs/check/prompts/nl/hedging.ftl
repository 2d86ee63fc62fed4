# refused: hedge-about-recording
bye = Dit gesprek kan voor onze service worden opgenomen. Dag.
