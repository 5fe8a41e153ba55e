"""Responses that providers keep: who owns them, and what their owners ask for."""
