"""The Live Tester: watch a group's routing, now or in a stored run."""
