"""Routing groups as files: our own format, LiteLLM's `config.yaml`, and a plugin for LiteLLM's proxy."""
