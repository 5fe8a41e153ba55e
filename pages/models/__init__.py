"""The pages of the models and of the catalog's news."""
