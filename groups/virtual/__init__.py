"""Virtual models: names that lead to a pool (a routing group) by the complexity of the message."""
