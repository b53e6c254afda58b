"""What must fit together in ``[circuits.*]``."""

from collections.abc import Iterator

from balancer.config.devices import Meter
from balancer.config.findings import Findings
from balancer.config.problems import KeyPath, listed, meant, shown
from balancer.config.quantity import Amount
from balancer.config.schema import CircuitTable, Config
from balancer.core.breaker import PROFILES

_RATED = {"B", "C", "D"}  # curves of any breaker: nothing follows from the limit

_METER = '{ type = "mqtt", topic = "house/power" }'


def check_circuits(config: Config, findings: Findings) -> None:
    """Note what cannot be in the circuits."""
    if not config.circuits:
        findings.add_missing(("circuits",), "at least one circuit", "[circuits.main]")
    for name, circuit in config.circuits.items():
        _check_parent(name, circuit, findings)
        _check_reserve(name, circuit, findings)
        _check_estimation(name, circuit, findings)
        _check_breaker(name, circuit, findings)
        for path, meter in meters_of(name, circuit):
            check_range(path, meter, limit_w(circuit), [circuit], findings)
    _check_cycles(config, findings)


def limit_w(circuit: CircuitTable) -> float | None:
    """Return the limit in watts, or None if it cannot be read."""
    if circuit.limit is None:
        return None
    return circuit.limit.watts(circuit.unit, circuit.voltage)


def meters_of(name: str, circuit: CircuitTable) -> Iterator[tuple[KeyPath, Meter]]:
    """Yield all meters of a circuit with their key paths."""
    at: KeyPath = ("circuits", name)
    if circuit.meter is not None:
        yield (*at, "meter"), circuit.meter
    for position, meter in enumerate(circuit.non_heating_meters):
        yield (*at, "non_heating_meters", position), meter
    if circuit.available is not None:
        yield (*at, "available"), circuit.available


def check_range(
    path: KeyPath,
    meter: Meter,
    limit: float | None,
    circuits: list[CircuitTable],
    findings: Findings,
) -> None:
    """Note a meter whose least believable reading is not below the greatest.

    Args:
        path: Of the meter.
        meter: As written.
        limit: What the defaults are multiples of, in watts; None: it cannot be read.
        circuits: What a bare number is in the unit of.
        findings: Takes the problem.
    """
    if limit is None or (meter.min is None and meter.max is None):
        return
    if findings.spoilt((*path, "min")) or findings.spoilt((*path, "max")):
        return

    def watts(amount: Amount) -> float:
        return max(amount.watts(each.unit, each.voltage) for each in circuits)

    low = -2.0 * limit if meter.min is None else watts(meter.min)
    high = 10.0 * limit if meter.max is None else watts(meter.max)
    if low >= high:
        key = "max" if meter.max is not None else "min"
        findings.add(
            (*path, key),
            f"readings from {low:g} W to {high:g} W are believed: none",
            "max above min (without them: -2 and 10 times the limit)",
            f"remove {key}",
        )


def _check_parent(name: str, circuit: CircuitTable, findings: Findings) -> None:
    others = [each for each in findings.names("circuits") or () if each != name]
    if circuit.parent is None or circuit.parent in others:
        return
    guess = meant(circuit.parent, others)
    what = f"there is no circuit named {shown(circuit.parent)}"
    if circuit.parent == name:
        what = "it is its own parent"
    findings.add(
        ("circuits", name, "parent"),
        what,
        listed(others),
        f'parent = "{guess}"' if guess else "remove parent",
    )


def _check_cycles(config: Config, findings: Findings) -> None:
    told: set[str] = set()
    for name in config.circuits:
        line = [name]
        while (above := config.circuits.get(line[-1])) and (parent := above.parent):
            if parent in line:
                ring = line[line.index(parent) :]
                if len(ring) > 1 and not told.intersection(ring):
                    told.update(ring)
                    findings.add(
                        ("circuits", ring[0], "parent"),
                        f"parents go round in a circle: {' → '.join([*ring, ring[0]])}",
                        "a tree: at its top a circuit without parent",
                        f"remove parent from one of {', '.join(ring)}",
                    )
                break
            line.append(parent)


def _check_reserve(name: str, circuit: CircuitTable, findings: Findings) -> None:
    limit = limit_w(circuit)
    if limit is None or circuit.reserve is None or findings.spoilt(("circuits", name, "unit")):
        return
    reserve = circuit.reserve.watts(circuit.unit, circuit.voltage)
    if reserve > limit:
        findings.add(
            ("circuits", name, "reserve"),
            f"{reserve:g} W is more than the limit of {limit:g} W",
            "0 to the limit",
            "reserve = 0",
        )


def _check_estimation(name: str, circuit: CircuitTable, findings: Findings) -> None:
    at: KeyPath = ("circuits", name)
    if findings.spoilt((*at, "estimation")):
        return
    if circuit.estimation == "global" and circuit.meter is None:
        findings.add_missing(
            (*at, "meter"),
            'a meter of the whole circuit; estimation = "global" needs one',
            f"meter = {_METER}",
        )
    if circuit.estimation == "individual" and not circuit.non_heating_meters:
        findings.add_missing(
            (*at, "non_heating_meters"),
            'a list of meters; estimation = "individual" needs at least one',
            'non_heating_meters = [ { type = "mqtt", topic = "oven/power", max = "3 kW" } ]',
        )
    for position, meter in enumerate(circuit.non_heating_meters):
        if meter.max is None:
            findings.add_missing(
                (*at, "non_heating_meters", position, "max"),
                "the most that the appliance takes: what it counts as while its meter is silent",
                'max = "3 kW"',
            )
    if circuit.estimation == "external" and circuit.available is None and circuit.steps is None:
        findings.add_missing(
            (*at, "steps"),
            'whole numbers that never rise and end in 0; estimation = "external" without '
            "available needs them",
            "steps = [5, 4, 2, 1, 0]",
        )
    for key, needs in (
        ("non_heating_meters", "individual"),
        ("security_margin", "individual"),
        ("available", "external"),
    ):
        if circuit.estimation != needs and getattr(circuit, key):
            findings.warnings.append(
                f'circuits.{name}.{key} is not used: it needs estimation = "{needs}"'
            )


def _check_breaker(name: str, circuit: CircuitTable, findings: Findings) -> None:
    breaker = circuit.breaker
    if breaker is None or breaker.profile is None:
        return
    at: KeyPath = ("circuits", name, "breaker")
    if breaker.profile not in PROFILES:
        guess = meant(breaker.profile, PROFILES)
        findings.add(
            (*at, "profile"),
            f"there is no profile {shown(breaker.profile)}",
            listed(PROFILES),
            f'profile = "{guess or "worst_norm"}"',
        )
        return
    if breaker.rating is None and breaker.profile in _RATED:
        findings.add_missing(
            (*at, "rating"),
            f"more than 0: what is printed beside the {breaker.profile}",
            'rating = "32 A"',
        )
    limit = limit_w(circuit)
    if breaker.rating is not None and limit is not None:
        rating = breaker.rating.watts(circuit.unit, circuit.voltage)
        if rating < limit:
            findings.warnings.append(
                f"circuits.{name}.breaker: rated {rating:g} W, less than the limit of "
                f"{limit:g} W: it may trip before anything is shed"
            )
