hello = Hallo. { wishes }
wishes = Fijn dat u belt.
bye = Dag.
