"""Whether a key may make one more request: its limits a minute, and what its account can pay. Pure.

The gateway asks its counters in Redis and its accounts in the database; a rehearsal has both in memory. What is asked,
in which order, and what follows is decided here for both.
"""
