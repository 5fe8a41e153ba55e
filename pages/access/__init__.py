"""People, teams, API keys, BYOK, credits, signing in."""
