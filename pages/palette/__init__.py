"""The command palette, and the same as a page: where to go, what to do, and what has this name."""
