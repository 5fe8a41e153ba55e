"""The routing rules: power levels, aliases, and the providers to fall back to."""
