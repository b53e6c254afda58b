"""Texts in config.toml: names, topics, paths, words, secrets.

What is read here returns what is written, or raises UnreadableError.
"""

import re
import unicodedata
from typing import Any

from balancer.config.problems import shown
from balancer.config.quantity import UnreadableError
from balancer.config.setup import Secret
from balancer.devices.payload import parse_path
from balancer.devices.tasmota import topic_prefix

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OWN_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_LONGEST_TOPIC_BYTES = 65_535  # MQTT 3.1.1, 1.5.3
_MOST_LEVELS = 200  # Mosquitto, TOPIC_HIERARCHY_LIMIT
# refused by brokers: MQTT 3.1.1, 1.5.3, leaves it to them
_NONCHARACTERS = re.compile(
    "[\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_text(value: Any) -> str:
    """Return text that can be sent and shown.

    Raises:
        UnreadableError: It is no text, or has control characters or lone surrogates.
    """
    if not isinstance(value, str):
        raise UnreadableError(f"{shown(value)} is not text")
    if _SURROGATES.search(value):
        raise UnreadableError(f"{shown(value)} is not UTF-8")
    if any(unicodedata.category(each) == "Cc" for each in value):
        raise UnreadableError(f"{shown(value)} has a control character")
    return value


def read_name(value: Any) -> str:
    """Return the name of a house, circuit, zone or load."""
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    text = shown(value)
    raise UnreadableError(
        f"{text} is not a name" if isinstance(value, str) else f"{text} is not text"
    )


def read_topic(value: Any) -> str:
    """Return an exact topic.

    Raises:
        UnreadableError: A message cannot be published on it, or a broker may refuse it.
    """
    topic = read_text(value)
    if not topic:
        raise UnreadableError("the topic is empty")
    if topic != topic.strip():
        raise UnreadableError(f"{shown(topic)} has white space around it")
    if any(each in topic for each in "+#"):
        raise UnreadableError(f"{shown(topic)} has a wildcard")
    if _NONCHARACTERS.search(topic):
        raise UnreadableError(f"{shown(topic)} has a code that is no character")
    if len(topic.encode()) > _LONGEST_TOPIC_BYTES:
        raise UnreadableError(f"{shown(topic)} is longer than {_LONGEST_TOPIC_BYTES} bytes")
    if topic.count("/") >= _MOST_LEVELS:
        raise UnreadableError(f"{shown(topic)} has more than {_MOST_LEVELS} levels")
    return topic


def read_own_topic(value: Any) -> str:
    """Return the first levels of our own topics."""
    topic = read_topic(value)
    if not _OWN_TOPIC.fullmatch(topic) or len(topic) > 200:
        raise UnreadableError(f"{shown(topic)} is not of names with slashes between them")
    return topic


def read_prefix(value: Any) -> str:
    """Return Home Assistant's discovery prefix."""
    topic = read_topic(value)
    if topic.startswith(("/", "$")) or topic.endswith("/") or " " in topic:
        raise UnreadableError(f"{shown(topic)} begins or ends with a slash, or has $ or a space")
    return topic


def read_device(value: Any) -> str:
    """Return a device's name as it stands in its topics."""
    topic = read_topic(value)
    if topic.strip("/") != topic:
        raise UnreadableError(f"{shown(topic)} begins or ends with a slash")
    return topic


def read_full_topic(value: Any) -> str:
    """Return a FullTopic of Tasmota."""
    topic = read_topic(value)
    try:
        topic_prefix(topic, "cmnd", "device")
    except ValueError as error:
        raise UnreadableError(f"{shown(topic)} is no FullTopic that can be followed") from error
    if "%topic%" not in topic:
        raise UnreadableError(f"{shown(topic)} has no %topic%")
    return topic


def read_json_path(value: Any) -> str:
    """Return the path of a value within JSON."""
    path = read_text(value)
    try:
        parse_path(path)
    except ValueError as error:
        raise UnreadableError(f"{shown(path)} is not of keys, dots and positions") from error
    return path


def read_word(value: Any) -> str:
    """Return a payload; booleans and whole numbers are read as they are written in JSON."""
    if isinstance(value, (bool, int)):
        return shown(value)
    text = read_text(value)
    if not text.strip():
        raise UnreadableError("the word is empty")
    return text


def read_words(value: Any) -> str:
    """Return text without white space around it, not empty."""
    text = read_text(value).strip()
    if not text:
        raise UnreadableError("the text is empty")
    return text


def read_host(value: Any) -> str:
    """Return the name or address of a host."""
    host = read_words(value)
    if "://" in host or re.search(r"[\s/@]", host):
        raise UnreadableError(f"{shown(host)} is more than a host name")
    if re.fullmatch(r"[^:]+:[0-9]*", host):
        raise UnreadableError(f"{shown(host)} has a port; that is a key of its own")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise UnreadableError(
            f"{shown(host)} is no host name: a part is empty or too long"
        ) from error
    return host


def read_secret(value: Any) -> Secret:
    """Return a password, which is never shown."""
    if not isinstance(value, str):
        raise UnreadableError("the password is not text")
    if not value:
        raise UnreadableError("the password is empty")
    if _SURROGATES.search(value):
        raise UnreadableError("the password is not UTF-8")
    return Secret(value)


def read_names(value: Any) -> tuple[str, ...]:
    """Return a list of names."""
    if not isinstance(value, list | tuple):
        raise UnreadableError(f"{shown(value)} is not a list of names")
    return tuple(map(read_name, value))


def read_endpoint(value: Any) -> str:
    """Return the name of an endpoint of a Zigbee device; a number counts as one."""
    text = shown(value) if type(value) is int else read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9_]+", text):
        raise UnreadableError(f"{shown(value)} is not the name of an endpoint")
    return text
