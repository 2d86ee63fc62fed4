noise = Dag.
