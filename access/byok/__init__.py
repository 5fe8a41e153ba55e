"""BYOK: a key that a person brings for a provider."""
