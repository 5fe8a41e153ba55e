"""The REST API of the request log, usage, alerts and cooldowns."""
