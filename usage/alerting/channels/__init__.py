"""Channels of alerts: who is told, when, and how."""
