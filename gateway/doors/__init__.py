"""The wire protocols of clients: paths, keys, headers and shapes of errors."""
