"""What drives the routing core: whoever can send requests and wait."""
