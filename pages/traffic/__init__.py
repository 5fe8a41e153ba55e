"""The request log, and usage in numbers and charts."""
