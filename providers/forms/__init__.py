"""What is typed about providers and models, translated for the actions and back."""
