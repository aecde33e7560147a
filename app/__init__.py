"""Holdfast backs up PostgreSQL databases, proves each backup by restoring it, and restores dumps."""

__version__ = "0.1.0"
