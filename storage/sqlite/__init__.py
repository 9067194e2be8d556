"""History, ledger and purging in one SQLite file. Opened by storage/factory alone."""
