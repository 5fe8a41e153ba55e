"""Admission of a request: rights, rate limits, credits."""
