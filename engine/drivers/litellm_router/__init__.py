"""LiteLLM's own Router as a driver: for comparison, and for groups that ask for it."""
