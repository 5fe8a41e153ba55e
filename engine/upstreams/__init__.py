"""The leaf the router ends in: what actually answers a request.

`direct` speaks HTTP to an OpenAI-compatible server, `through_litellm` leaves the dialect to LiteLLM,
`mock` answers by itself. All take the same call and give the same answer (`call.py`).
"""
