"""Virtual models for LiteLLM's proxy: its configuration, a plugin, and a compose file."""
