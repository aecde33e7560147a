"""What Holdfast keeps: backup folders, the catalog, settings and secrets."""
