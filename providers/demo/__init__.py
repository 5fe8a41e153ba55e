"""The demo's upstream, simulated by this server."""
