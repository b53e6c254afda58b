"""Decisions and notes for people: the event topic and one log line each, arithmetic visible."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from balancer.core.commands import Decided, Note, NoteKind
from balancer.core.model import House
from balancer.views.status import Json, iso


@dataclass(frozen=True, slots=True)
class Line:
    """A log line.

    Attributes:
        level: As the standard library counts them.
        text: key=value after the verb.
    """

    level: int
    text: str


def event(decided: Decided, house: House, *, at: datetime, dry_run: bool) -> dict[str, Json]:
    """Return the document for ``B/event``, powers in the circuit's unit."""
    circuit = None if decided.circuit is None else house.circuits[decided.circuit]

    def power(power_w: float | None) -> float | None:
        return None if power_w is None or circuit is None else circuit.show(power_w)

    return {
        "time": iso(at),
        "cause": decided.cause.value,
        "circuit": decided.circuit,
        "meter": power(decided.meter_w),
        "available": power(decided.available_w),
        "commands": [
            {"load": each.load, "on": each.on, "reason": each.reason.value}
            for each in decided.switchings
        ],
        "dry_run": dry_run,
    }


def log_line(
    decided: Decided, house: House, *, limit_w: float | None = None, dry_run: bool = False
) -> Line:
    """Return what was decided with the numbers it follows from, in watts.

    Args:
        decided: The decision.
        house: As configured.
        limit_w: Limit of the circuit in force, in watts; None: the configured one.
        dry_run: Nothing was really switched (R17).
    """
    words = [decided.cause.value]
    if decided.circuit is not None:
        words.append(f"circuit={decided.circuit}")
        if limit_w is None:
            limit_w = house.circuits[decided.circuit].limit_w
        if decided.meter_w is not None:
            words += [f"meter_w={decided.meter_w:.0f}", f"limit_w={limit_w:.0f}"]
            words.append(_balance(limit_w - decided.meter_w))
        if decided.available_w is not None:
            words.append(f"available_w={decided.available_w:.0f}")
    for word, on in (("off", False), ("on", True)):
        switched = [each for each in decided.switchings if each.on is on]
        if switched:
            names = ",".join(f"{each.load}:{each.reason.value}" for each in switched)
            powers_w = sum(_power_w(house, each.load, decided.circuit) for each in switched)
            words.append(f"{word}={names} {word}_rated_w={powers_w:.0f}")
    if dry_run:
        words.append("dry_run=true")
    return Line(logging.INFO, " ".join(words))


def note_line(note: Note) -> Line:
    """Return what a step noted; an exit from a bad state has the level of its entry."""
    level, verb, more = _NOTES[note.kind]
    return Line(level, f"{verb}={note.subject}{more(note)}")


def _balance(headroom_w: float) -> str:
    if headroom_w < 0.0:
        return f"excess_w={-headroom_w:.0f}"
    return f"headroom_w={headroom_w:.0f}"


def _power_w(house: House, load: str, circuit: str | None) -> float:
    """Return the rated power on the circuit, or the whole of a load that is elsewhere."""
    rated_w = house.rated_w[load]
    return rated_w if circuit is None else house.power_w[load].get(circuit, rated_w)


def _plain(_: Note) -> str:
    return ""


def _cause(note: Note) -> str:
    return "" if note.cause is None else f" cause={note.cause.value}"


_NOTES: Mapping[NoteKind, tuple[int, str, Callable[[Note], str]]] = {
    NoteKind.CONFIRMED: (
        logging.DEBUG,
        "relay_confirmed load",
        lambda note: f" after_s={note.value:.3f}",
    ),
    NoteKind.UNCONFIRMED: (logging.WARNING, "relay_unconfirmed load", _cause),
    NoteKind.RETRIED: (logging.INFO, "relay_retried load", _cause),
    NoteKind.FOREIGN: (logging.WARNING, "relay_switched_by_somebody_else load", _plain),
    NoteKind.LEFT_ALONE: (
        logging.WARNING,
        "relay_left_alone load",
        lambda _: ' why="switched by somebody else again and again"',
    ),
    NoteKind.FAULT: (
        logging.WARNING,
        "relay_fault load",
        lambda _: (
            ' why="it does not report what it was told; is it there, and does the broker let us'
            ' command it? (balancer check --acl)"'
        ),
    ),
    NoteKind.FAULT_OVER: (logging.WARNING, "relay_fault_over load", _plain),
    NoteKind.BLIND: (
        logging.WARNING,
        "circuit_blind circuit",
        lambda _: ' why="no usable reading for too long"',
    ),
    NoteKind.BLIND_OVER: (logging.WARNING, "circuit_blind_over circuit", _plain),
    NoteKind.SUSPECT: (
        logging.WARNING,
        "meter_suspect circuit",
        lambda _: ' why="the meter did not move with the relays"',
    ),
    NoteKind.SUSPECT_OVER: (logging.WARNING, "meter_suspect_over circuit", _plain),
    NoteKind.WRONG_SCALE: (
        logging.WARNING,
        "meter_scale_suspect circuit",
        lambda note: (
            f' shows_of_rated={note.value:.2g} why="are the meter\'s unit and scale right?"'
        ),
    ),
    NoteKind.WRONG_SCALE_OVER: (logging.WARNING, "meter_scale_suspect_over circuit", _plain),
    NoteKind.UNSHEDDABLE: (
        logging.ERROR,
        "overload_not_ours circuit",
        lambda note: f' excess_w={note.value:.0f} why="every load is off already"',
    ),
    NoteKind.ROTATED: (logging.DEBUG, "rotated house", _plain),
    NoteKind.SWITCHED: (
        logging.DEBUG,
        "relay_switched load",
        lambda note: f" on={'true' if note.value else 'false'}{_cause(note)}",
    ),
}
