"""The pages of the routing groups; the builder inside."""
