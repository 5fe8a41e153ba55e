"""Tells open pages that something changed (`/ws/changes/`)."""
