"""Chat <-> Anthropic's Messages API as an upstream: requests, whole answers, chunks of a stream. Pure."""
