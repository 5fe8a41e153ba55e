"""Routing groups as files: what a file says (`bundle`), what it would change here (`plan`), and both ways between."""
