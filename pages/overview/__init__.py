"""The overview, the console's first page."""
