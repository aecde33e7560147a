"""Supabase: what is its own, its web interfaces, and the rules of a restore into it."""
