"""A simulated world for the engine: time is given to it, never taken."""
