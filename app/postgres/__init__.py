"""Everything that speaks PostgreSQL; it knows nothing of backups or of Supabase."""
