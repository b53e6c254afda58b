"""One MQTT message, as every layer passes it on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A message received from or meant for the broker.

    Attributes:
        topic: Full topic.
        payload: Raw bytes, as on the wire.
        qos: 0 or 1.
        retain: Outgoing: the broker shall keep it. Incoming: it was kept from before.
    """

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
