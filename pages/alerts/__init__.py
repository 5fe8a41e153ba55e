"""Alerts, their thresholds and the webhook."""
