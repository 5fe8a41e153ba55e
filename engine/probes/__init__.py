"""Asking a provider how it is: which models it serves, whether it takes the key, how long that took.

`findings` is the vocabulary, `listings` how each dialect lists its models, `troubles` what can be wrong in words a
person understands, `asking` does it. LiteLLM is imported only where a provider has no list to ask for.
"""
