"""The JSON doors of the gateway's slower routes, and the schema of the hot ones."""
