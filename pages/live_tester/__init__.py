"""The Live Tester: watch a group route, now or in a run that was made."""
