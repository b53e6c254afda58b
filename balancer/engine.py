"""Messages in, messages out, how long to sleep. No socket, no clock.

Service and simulator are two drivers of this one engine.
"""
