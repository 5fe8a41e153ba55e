"""The forms of people, teams and keys."""
