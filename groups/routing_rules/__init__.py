"""The routing rules: power levels, aliases, and fallback providers."""
