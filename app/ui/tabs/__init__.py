"""One module for each of the five places."""
