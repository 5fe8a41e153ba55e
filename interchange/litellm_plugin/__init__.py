"""Virtual models for those who run LiteLLM's proxy: its configuration, a plugin, and what starts both."""
