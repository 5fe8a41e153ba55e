"""The JSON doors of what happened."""
