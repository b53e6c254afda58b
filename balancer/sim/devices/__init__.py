"""Devices with the payloads, cadence and faults of real ones."""
