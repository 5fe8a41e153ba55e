"""Is a provider there, and what does it serve: probes, and tests by people."""
