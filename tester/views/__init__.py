"""The pages of this room: the Live Tester and what belongs to it."""
