"""Sums of the request log per hour, day and month (ADR 15)."""
