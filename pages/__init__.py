"""What people see: one package per entry of the sidebar, mirrored by the folders of `templates/`."""
