"""What is typed into the pages of people, teams and keys."""
