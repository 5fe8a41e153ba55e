"""The pages: one package per section of the console; `templates/` has a folder of the same name."""
