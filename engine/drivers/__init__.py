"""The drivers of the routing core: they send requests, wait, and report what happened."""
