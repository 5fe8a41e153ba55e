"""BYOK (bring your own key): people store own keys for providers."""
