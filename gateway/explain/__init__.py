"""Where a request would go, without sending it; is everything usable."""
