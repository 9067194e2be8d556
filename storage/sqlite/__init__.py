"""Store in one SQLite file, opened by storage/factory alone."""
