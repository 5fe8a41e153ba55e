"""The route of a request, without sending it; and whether everything is usable."""
