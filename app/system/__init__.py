"""What Holdfast asks of the operating system."""
