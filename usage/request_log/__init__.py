"""Finished requests: from the pipeline to the log, and found there again."""
