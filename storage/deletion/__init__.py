"""What goes when: retention, and forgetting a person. Used by `voicememo purge` alone."""
