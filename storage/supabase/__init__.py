"""Store in PostgreSQL, through Supabase, opened by storage/factory alone."""
