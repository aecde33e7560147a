"""Qt models over the catalog, plans and trees."""
