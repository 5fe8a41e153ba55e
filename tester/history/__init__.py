"""Real incidents of the past through a group: what was asked, and what came of it so far. All are stored."""
