"""Rehearsals of what a client calls: a group, an alias, a virtual model or a power level, with a key of its own."""
