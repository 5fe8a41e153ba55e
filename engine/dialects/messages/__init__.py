"""Clients of Anthropic's Messages API <-> chat: requests, whole answers, events of a stream, errors. Pure."""
