"""Messages in, messages out, how long to sleep. No socket, no clock.

Service and simulator are two drivers of this one engine.
"""

from balancer.engine.engine import Engine, Outgoing

__all__ = ["Engine", "Outgoing"]
