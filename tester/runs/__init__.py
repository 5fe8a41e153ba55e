"""Start, follow and stop rehearsals: the boundary between this server and the processes that run them.

`workers.py` is one such process, `pool.py` all of them, `real.py` the equivalent for a run with real requests,
`storage.py` writes a run while it lasts, `conduct.py` puts them together.
"""
