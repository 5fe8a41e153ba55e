"""What monitoring sees of the servers: counted in memory, added up over processes, shown at `/metrics`."""
