"""Models and their prices: LiteLLM's price map, its updates, the five providers to start from."""
