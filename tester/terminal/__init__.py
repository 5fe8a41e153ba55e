"""Rehearsals on the command line: the assertions of CI, and the report."""
