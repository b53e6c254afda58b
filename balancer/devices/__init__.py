"""Families of devices: what they say and how they are spoken to."""
