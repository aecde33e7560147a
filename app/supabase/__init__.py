"""What Supabase adds to a PostgreSQL database, and what it keeps for itself."""
