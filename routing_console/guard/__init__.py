"""What stands before pages and REST."""
