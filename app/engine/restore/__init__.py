"""Restores whatever dump is given into whatever database is named."""
