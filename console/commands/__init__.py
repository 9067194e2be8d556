"""The commands of `voicememo`, a module each: `command` is what click runs."""
