"""How pages and files reach a browser: compressed, and files only once."""
