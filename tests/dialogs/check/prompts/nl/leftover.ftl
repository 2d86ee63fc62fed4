hello = Hallo. { wishes }
wishes = Fijn dat u belt.
bye = Dag.
# warned: unused-prompt
good-bye = Tot ziens.
