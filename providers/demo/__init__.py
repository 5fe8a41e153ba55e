"""The demo's upstream, which this server plays itself."""
