"""The first page of a group: its real traffic in the diagram of the Live Tester, its day, and how to call it."""
