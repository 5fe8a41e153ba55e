"""Every door over every dialect: what an upstream must get, and what a client must see, each written once.

`cases.py` has the table in neutral words. `doors/` says how a client asks that in its protocol, from the protocol's
documentation; `upstreams/` how a provider reads a request and tells an answer. What our code makes in between is judged
by both, and by the parsers of the real client libraries (`heard.py`).
"""
