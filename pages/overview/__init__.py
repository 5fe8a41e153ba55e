"""The first page: what is going on now."""
