"""What the messages on the wire mean, read independently of the balancer's codecs."""

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from balancer.sim.devices.tasmota import full

Decode = Callable[[bytes], bool | None]
UNSURE_POINTS = 10.0  # below what a demand in per cent has to exceed: nobody knows what it means


class Ear:
    """Understands relay commands, relay reports and thermostats of a configuration.

    Attributes:
        commands: By topic, the loads that a message on it may command, each with its decoder;
            decoders return whether the *heater* is to be on, None if it says nothing of it.
        reports: The same for reports.
        requests: The same for what thermostats ask for, by zone.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.commands: dict[str, list[tuple[str, Decode]]] = {}
        self.reports: dict[str, list[tuple[str, Decode]]] = {}
        self.requests: dict[str, list[tuple[str, Decode]]] = {}
        for load, section in document["loads"].items():
            relay = section["relay"]
            inverted = bool(relay.get("inverted", False))
            match relay["type"]:
                case "tasmota":
                    self._tasmota(load, relay, inverted)
                case "zigbee2mqtt":
                    self._zigbee(load, relay, inverted)
                case _:
                    self._plain(load, relay, inverted)
        for zone, section in document["zones"].items():
            if "request" in section:
                self._thermostat(zone, section["request"])

    def _tasmota(self, load: str, relay: Mapping[str, Any], inverted: bool) -> None:
        pattern, device = relay.get("full_topic", "%prefix%/%topic%/"), relay["device"]
        cmnd, stat, tele = (full(pattern, prefix, device) for prefix in ("cmnd", "stat", "tele"))
        channel = relay.get("channel")
        key = "POWER" if channel is None else f"POWER{channel}"
        keys = {key, "POWER1"} if channel is None else {key}
        word = _word({"ON": True, "OFF": False}, inverted)
        self._add(self.commands, cmnd + key, load, word)
        self._add(self.reports, stat + key, load, word)
        for topic in (stat + "RESULT", tele + "STATE"):
            self._add(self.reports, topic, load, _member(keys, word))

    def _zigbee(self, load: str, relay: Mapping[str, Any], inverted: bool) -> None:
        base, device = relay.get("base_topic", "zigbee2mqtt"), relay["device"]
        endpoint = relay.get("channel")
        key = "state" if endpoint is None else f"state_{endpoint}"
        word = _word({"ON": True, "OFF": False}, inverted)
        self._add(self.commands, f"{base}/{device}/set", load, _member({key}, word))
        if endpoint is not None:
            self._add(
                self.commands, f"{base}/{device}/{endpoint}/set", load, _member({"state"}, word)
            )
        self._add(self.reports, f"{base}/{device}", load, _member({key}, word))

    def _plain(self, load: str, relay: Mapping[str, Any], inverted: bool) -> None:
        on, off = str(relay.get("on", "ON")), str(relay.get("off", "OFF"))
        self._add(
            self.commands, relay["command_topic"], load, _word({on: True, off: False}, inverted)
        )
        if "state_topic" in relay:
            words = {
                str(relay.get("state_on", on)): True,
                str(relay.get("state_off", off)): False,
            }
            decode = _word(words, inverted)
            if "state_path" in relay:
                decode = _walk(relay["state_path"].split("."), decode)
            self._add(self.reports, relay["state_topic"], load, decode)

    def _thermostat(self, zone: str, request: Mapping[str, Any]) -> None:
        if "above" in request:
            decode = _demand(float(request["above"]))
        else:
            words = {str(request.get("on", "ON")): True, str(request.get("off", "OFF")): False}
            decode = _word(words, inverted=False)
        if "path" in request:
            decode = _walk(request["path"].split("."), decode)
        self._add(self.requests, request["topic"], zone, decode)

    @staticmethod
    def _add(
        table: dict[str, list[tuple[str, Decode]]], topic: str, name: str, decode: Decode
    ) -> None:
        table.setdefault(topic, []).append((name, decode))


def _word(words: Mapping[str, bool], inverted: bool) -> Decode:
    def decode(payload: bytes) -> bool | None:
        found = words.get(payload.decode(errors="replace").strip())
        return None if found is None else found != inverted

    return decode


def _demand(above: float) -> Decode:
    def decode(payload: bytes) -> bool | None:
        try:
            demand = float(payload)
        except ValueError:
            return None
        if not isfinite(demand):
            return None
        if demand > above:
            return True
        return False if demand <= max(0.0, above - UNSURE_POINTS) else None

    return decode


def _member(keys: set[str], word: Decode) -> Decode:
    def decode(payload: bytes) -> bool | None:
        try:
            document = json.loads(payload)
        except ValueError:
            return None
        if not isinstance(document, dict):
            return None
        for key in keys:
            value = document.get(key)
            if isinstance(value, str):
                return word(value.encode())
        return None

    return decode


def _walk(path: list[str], word: Decode) -> Decode:
    def decode(payload: bytes) -> bool | None:
        try:
            value = json.loads(payload)
            for step in path:
                value = value[step]
        except (ValueError, KeyError, TypeError):
            return None
        return word(str(value).encode())

    return decode
