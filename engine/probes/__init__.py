"""Probes of a provider: which models it serves, whether it accepts the key, how long that took.

`findings` is the vocabulary, `listings` has each dialect's list of models, `errors` puts errors into words for people,
and `asking` makes the calls. LiteLLM is imported only for providers without a list.
"""
