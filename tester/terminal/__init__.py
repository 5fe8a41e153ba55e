"""Rehearsals on the command line: what CI demands of one, and its report."""
