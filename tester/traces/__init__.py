"""Stored traces, and the timeline of a run."""
