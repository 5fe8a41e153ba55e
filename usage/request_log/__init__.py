"""Finished requests: from the pipeline to the log, and searching the log."""
