"""`make fidelity`: is what was rehearsed what comes? Measured against upstreams that know nothing of rehearsals.

`cases.py` has the cases, `upstream.py` the world, a process of its own, `stage.py` the gateway's processes, `live.py`
the callers, `rehearsed.py` what the API says before, `performing.py` all of it in order, `verdicts.py` the
comparison, `rows.py` what is kept of it, and `table.py` the page `docs/fidelity.md`.
"""
