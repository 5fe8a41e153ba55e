"""What requests to a provider or deployment have besides the client's, or instead of it."""
