"""Status pages of providers and their incidents: read from a page's own JSON, kept for the outage time machine."""
