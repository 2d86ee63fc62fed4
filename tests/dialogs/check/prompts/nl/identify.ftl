identify-why = Ik zoek u even op.
