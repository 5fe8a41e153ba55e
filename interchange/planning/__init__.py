"""A file against the console: what an import would create, change and skip."""
