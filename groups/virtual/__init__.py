"""Virtual models: names that lead to a pool, a routing group, by how complex the message is."""
