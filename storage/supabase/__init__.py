"""History, ledger and purging in PostgreSQL, through Supabase. Opened by storage/factory alone."""
