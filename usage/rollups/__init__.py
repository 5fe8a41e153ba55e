"""The request log in sums per hour, day and month (ADR 15)."""
