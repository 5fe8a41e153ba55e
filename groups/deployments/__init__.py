"""The deployments of a group: placed from outside, and their shares."""
