"""The health of providers: scheduled probes, and tests by people."""
