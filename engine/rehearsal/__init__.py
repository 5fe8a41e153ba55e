"""Rehearsals: what a run is, its traffic and its counts, and the process that runs it."""
