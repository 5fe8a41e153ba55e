"""The deployments of a group: their placements, and their shares."""
