"""What tells open pages that something changed (`/ws/changes/`)."""
