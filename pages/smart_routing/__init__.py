"""Routing rules, virtual models, their calibration and playground."""
