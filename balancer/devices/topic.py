"""Names of other people's topics: exact ones only."""

_LONGEST_BYTES = 65_535  # MQTT 3.1.1, 1.5.3


def exact(topic: str) -> str:
    """Return the topic if a message can be published on it.

    Raises:
        ValueError: It is empty, too long or has a wildcard, a NUL or a lone surrogate.
    """
    if not topic or topic.strip() != topic:
        raise ValueError(f"topic {topic!r} is empty or has white space around it")
    if any(character in topic for character in "+#\0"):
        raise ValueError(f"topic {topic!r} has a wildcard (+, #) or a NUL; give the exact topic")
    try:
        length = len(topic.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"topic {topic!r} cannot be sent as UTF-8") from error
    if length > _LONGEST_BYTES:
        raise ValueError(f"topic {topic[:40]!r}… is longer than {_LONGEST_BYTES} bytes")
    return topic


def named(device: str) -> str:
    """Return the device's name if topics can be made of it.

    Raises:
        ValueError: It is empty or begins or ends with a slash.
    """
    if not device.strip("/") or device.strip("/") != device:
        raise ValueError(f"device {device!r} is empty or has a slash at its end")
    return exact(device)
