"""The gateway's slower routes (REST API), and the schema of the hot ones."""
