"""The guided start: from a provider's key to the first answer, a step a page."""
