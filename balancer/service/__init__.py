"""The service: asyncio, sockets, signals, clocks around the engine."""
