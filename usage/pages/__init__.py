"""The pages of providers and models: who can answer, seen together with what happened.

They stand in this room because `providers` knows neither the rights of people nor the request log.
"""
