"""The use cases: backup, proof and what runs them. Plain synchronous Python."""
