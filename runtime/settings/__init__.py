"""Settings from environment variables, in groups that each package owns."""
