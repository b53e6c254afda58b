"""Prometheus metrics, rendered from a snapshot and the counts when somebody asks.

Nothing here runs while the service decides; it may run in a thread of its own, so what grows by
new keys is copied before it is walked. Base units, label ``house`` everywhere, label values
only from the configuration or fixed words, so the number of series is known from the file.
"""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from balancer.core.commands import Cause, Reason
from balancer.core.model import House
from balancer.core.snapshot import CircuitSnapshot, LoadSnapshot, MeterSnapshot, Snapshot
from balancer.views.counts import CONFIRM_BOUNDS_S, SHEDDING, Counts, Histogram, Session

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Seen = TypeVar("Seen", CircuitSnapshot, MeterSnapshot, LoadSnapshot)
Samples = Iterable[tuple[tuple[str, ...], float | None]]
"""Values by label values; None is unknown and left out."""

_CIRCUITS: Mapping[str, tuple[str, Callable[[CircuitSnapshot], float | None]]] = {
    "balancer_circuit_power_watts": (
        "Power that the circuit takes, as its meter last said.",
        lambda circuit: circuit.meter_w,
    ),
    "balancer_circuit_limit_watts": (
        "Power that the circuit may take for ever.",
        lambda circuit: circuit.limit_w,
    ),
    "balancer_circuit_available_watts": (
        "Power that the heating may take.",
        lambda circuit: circuit.available_w,
    ),
    "balancer_circuit_headroom_watts": (
        "Limit less what the circuit takes now; negative while over the limit.",
        lambda circuit: circuit.headroom_w,
    ),
    "balancer_circuit_active_loads": (
        "Loads of the circuit that are meant to be on.",
        lambda circuit: circuit.active,
    ),
    "balancer_circuit_mode": (
        "Power-saving mode, an index into steps; 0 saves nothing.",
        lambda circuit: circuit.mode,
    ),
    "balancer_circuit_blind": (
        "1 while the circuit has no usable reading.",
        lambda circuit: circuit.blind,
    ),
    "balancer_trip_heat_ratio": (
        "Heat of the breaker, which warms and cools at the pessimistic edges; it trips at 1.",
        lambda circuit: circuit.heat,
    ),
    "balancer_trip_margin_seconds": (
        "Time until the breaker would trip if the present power went on.",
        lambda circuit: circuit.trip_margin_s,
    ),
    "balancer_sheddable_overload_ratio": (
        "Greatest overload, as a multiple of the limit, that is shed in time.",
        lambda circuit: circuit.sheddable_overload,
    ),
    "balancer_likely_overload_ratio": (
        "Overload that the loads and the biggest spike seen can cause, as a multiple of the limit.",
        lambda circuit: circuit.likely_overload,
    ),
}
_METERS: Mapping[str, tuple[str, Callable[[MeterSnapshot], float | None]]] = {
    "balancer_meter_age_seconds": (
        "Time since the last good reading of the meter.",
        lambda meter: meter.age_s,
    ),
    "balancer_meter_period_seconds": (
        "Time between readings of the meter, as measured.",
        lambda meter: meter.period_s,
    ),
}
_LOADS: Mapping[str, tuple[str, Callable[[LoadSnapshot], float | None]]] = {
    "balancer_load_on": ("1 while the load is meant to be on.", lambda load: load.on),
    "balancer_load_requested": (
        "1 while the zone of the load asks for heat.",
        lambda load: load.requested,
    ),
    "balancer_load_draw_watts": (
        "Power that the load takes: measured, learned or estimated.",
        lambda load: load.draw_w,
    ),
    "balancer_relay_wear_ratio": (
        "Changes of the relay as a share of what it is made for.",
        lambda load: load.wear,
    ),
}
_COUNTS: Mapping[str, tuple[str, Callable[[Counts], Mapping[str, float]]]] = {
    "balancer_load_on_seconds_total": ("Time that the heater was on.", lambda counts: counts.on_s),
    "balancer_relay_retries_total": (
        "Commands repeated because the relay did not report.",
        lambda counts: counts.retries,
    ),
    "balancer_relay_unconfirmed_total": (
        "Commands that the relay never confirmed.",
        lambda counts: counts.unconfirmed,
    ),
    "balancer_relay_foreign_total": (
        "Changes of the relay by somebody else, such as a wall button.",
        lambda counts: counts.foreign,
    ),
}


class Metrics:
    """The metrics of one house in a registry of their own."""

    def __init__(
        self,
        house: House,
        *,
        version: str,
        seen: Callable[[], Snapshot],
        counts: Counts,
        session: Session,
    ) -> None:
        """Make them; nothing is read before ``render``.

        Args:
            house: As configured.
            version: Of this program.
            seen: Takes a snapshot of the present.
            counts: What the engine counts.
            session: What the service measures.
        """
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(_House(house, version, seen, counts, session))
        ProcessCollector(registry=self.registry)

    def render(self) -> bytes:
        """Return all metrics in the text format (``CONTENT_TYPE``)."""
        return generate_latest(self.registry)


class _House(Collector):
    def __init__(
        self,
        house: House,
        version: str,
        seen: Callable[[], Snapshot],
        counts: Counts,
        session: Session,
    ) -> None:
        self._house = house
        self._version = version
        self._seen = seen
        self._counts = counts
        self._session = session

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the registry shall not take a snapshot to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        seen = self._seen()
        self._counts.follow(seen)
        for name, (text, of_circuit) in _CIRCUITS.items():
            yield self._gauge(name, text, "circuit", samples=_by_name(seen.circuits, of_circuit))
        for name, (text, of_meter) in _METERS.items():
            yield self._gauge(name, text, "meter", samples=_by_name(seen.meters, of_meter))
        for name, (text, of_load) in _LOADS.items():
            yield self._gauge(name, text, "load", samples=_by_name(seen.loads, of_load))
        for name, (text, of_counts) in _COUNTS.items():
            counted = of_counts(self._counts)
            samples = (((load,), counted.get(load, 0)) for load in self._house.loads)
            yield self._counter(name, text, "load", samples=samples)
        yield self._reasons(seen)
        yield from self._events()
        yield from self._connection()

    def _reasons(self, seen: Snapshot) -> Metric:
        name = "balancer_load_reason"
        text = "1 for the reason why the load is as it is, 0 for all others."
        family = GaugeMetricFamily(name, text, labels=("house", "load", "reason"))
        for load, now in seen.loads.items():
            for reason in Reason:
                labels = (self._house.name, load, reason.value)
                family.add_metric(labels, 1.0 if now.reason is reason else 0.0)
        return family

    def _events(self) -> Iterator[Metric]:
        counts = self._counts
        switches = {(load, cause.value): 0 for load in self._house.loads for cause in Cause}
        sheds = {
            (circuit, cause.value): 0 for circuit in self._house.circuits for cause in SHEDDING
        }
        yield self._counter(
            "balancer_relay_switches_total",
            "Changes of the relay, by what caused them.",
            "load",
            "cause",
            samples=(switches | counts.switches).items(),
        )
        yield self._histogram(
            "balancer_relay_confirm_seconds",
            "Time from a command to the report of the relay.",
            {
                (load,): counts.confirm.get(load, Histogram(CONFIRM_BOUNDS_S))
                for load in self._house.loads
            },
            "load",
        )
        yield self._counter(
            "balancer_sheds_total",
            "Decisions that took power away, by circuit (empty: the whole house) and cause.",
            "circuit",
            "cause",
            samples=(sheds | counts.sheds).items(),
        )
        yield self._counter(
            "balancer_rotations_total",
            "Ticks at which loads exchanged turns.",
            samples=[((), counts.rotations)],
        )
        yield self._counter(
            "balancer_rejected_messages_total",
            "Messages that were no report, by what sent them and what was wrong.",
            "source",
            "reason",
            samples=counts.rejected.copy().items(),
        )
        yield self._counter(
            "balancer_conflated_readings_total",
            "Meter readings that a newer one overtook before they were looked at.",
            samples=[((), counts.conflated)],
        )

    def _connection(self) -> Iterator[Metric]:
        session = self._session
        yield self._histogram(
            "balancer_reaction_seconds",
            "Time from a meter message received to its last relay command on the socket.",
            {(): session.reaction},
        )
        yield self._gauge(
            "balancer_loop_lag_seconds",
            "Delay of the event loop.",
            samples=[((), session.loop_lag_s)],
        )
        yield self._gauge(
            "balancer_mqtt_connected",
            "1 while the broker answers.",
            samples=[((), session.connected)],
        )
        yield self._counter(
            "balancer_mqtt_reconnects_total",
            "Connections to the broker after the first, by what ended the one before.",
            "cause",
            samples=(((cause,), count) for cause, count in session.reconnects.copy().items()),
        )
        yield self._gauge(
            "balancer_heartbeat_rtt_seconds",
            "Round trip of the last heartbeat through the broker.",
            samples=[((), session.heartbeat_rtt_s)],
        )
        yield self._gauge(
            "balancer_build_info",
            "Always 1; the labels say what is running.",
            "version",
            "python",
            samples=[((self._version, platform.python_version()), 1.0)],
        )

    def _gauge(self, name: str, text: str, *labels: str, samples: Samples) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("house", *labels))
        for values, number in samples:
            if number is not None and not math.isnan(number):
                family.add_metric((self._house.name, *values), float(number))
        return family

    def _counter(self, name: str, text: str, *labels: str, samples: Samples) -> Metric:
        family = CounterMetricFamily(name, text, labels=("house", *labels))
        for values, number in samples:
            if number is not None:
                family.add_metric((self._house.name, *values), float(number))
        return family

    def _histogram(
        self, name: str, text: str, histograms: Mapping[tuple[str, ...], Histogram], *labels: str
    ) -> Metric:
        family = HistogramMetricFamily(name, text, labels=("house", *labels))
        for values, histogram in histograms.items():
            buckets = list(_cumulated(histogram))
            family.add_metric((self._house.name, *values), buckets, histogram.total_s)
        return family


def _by_name(
    snapshots: Mapping[str, Seen], value: Callable[[Seen], float | None]
) -> Iterator[tuple[tuple[str], float | None]]:
    return (((name,), value(each)) for name, each in snapshots.items())


def _cumulated(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Yield each upper bound with the number of observations up to it."""
    below = 0
    for bound_s, count in zip((*histogram.bounds_s, math.inf), histogram.counts, strict=True):
        below += count
        yield ("+Inf" if math.isinf(bound_s) else str(bound_s)), float(below)
