"""What upstreams say, read without any library's types: pure functions and frozen dataclasses."""
