"""Real incidents of providers through a routing group: a year in the time of a coffee.

`incidents` are facts; `stretches` make shares of failing requests of them; `hours` finds those that must be simulated;
`jobs` is the message to a worker process, `rehearsing` runs it, and `results` adds up what came of it.
"""
