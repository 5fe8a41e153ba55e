"""May this key send this request, how often, and who pays."""
