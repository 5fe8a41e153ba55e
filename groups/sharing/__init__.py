"""Read-only links to the traffic of a group."""
