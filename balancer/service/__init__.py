"""Drives the engine: sockets, clocks, signals."""
