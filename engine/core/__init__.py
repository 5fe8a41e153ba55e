"""The routing core: it decides, and does nothing else. No I/O, no clock, no random numbers of its own, no LiteLLM.

One `Journey` per request is driven by whoever can send requests and wait: the gateway (asyncio), or a rehearsal.
Times are seconds on the driver's clock.
"""
