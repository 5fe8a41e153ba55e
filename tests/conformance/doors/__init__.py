"""The clients' side of each protocol."""
