identify-why = I will look you up.
