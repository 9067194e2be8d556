"""The commands of `voicememo`."""
