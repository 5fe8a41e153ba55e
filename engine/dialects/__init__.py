"""Readers of upstreams' answers, without any library's types: pure functions and frozen dataclasses."""
