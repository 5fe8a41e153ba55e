"""Every saved version of a routing group: snapshots, differences, history, undo."""
