"""Retention, and forgetting a person, for `voicememo purge`."""
