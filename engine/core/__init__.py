"""The routing core: it decides, and does nothing else. No I/O, no clock, no random numbers of its own, no LiteLLM.

A driver sends and waits for one `Journey` per request: the gateway (asyncio), or a rehearsal.
Times are seconds on the driver's clock.
"""
