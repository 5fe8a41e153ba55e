"""The calls to upstreams.

`direct` speaks HTTP to an OpenAI-compatible server, `through_litellm` leaves the dialect to LiteLLM, `mock` answers by
itself. All have the same input and output (`call.py`).
"""
