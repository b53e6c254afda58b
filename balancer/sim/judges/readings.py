"""What meters told the balancer, and what was true when they looked."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from balancer.core.model import House
from balancer.sim.devices.meters import Meter
from balancer.wire import Message

KEPT_READINGS = 4
KEPT_SAMPLES = 1000  # on the way: the balancer may sleep for ten minutes, with its socket open


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading that reached the balancer.

    Attributes:
        at_s: When it was delivered.
        sample_s: When the meter looked.
        power_w: As the meter told it, in watts.
        drawing_w: What each load drew at that instant, in watts; loads that drew nothing are absent.
        heating: Loads whose contact let them heat at that instant.
    """

    at_s: float
    sample_s: float
    power_w: float
    drawing_w: Mapping[str, float]
    heating: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Sample:
    at_s: float
    payload: bytes
    power_w: Mapping[str, float]
    drawing_w: Mapping[str, float]
    heating: frozenset[str]


class Readings:
    """The last readings of each meter in this life of the balancer."""

    def __init__(
        self,
        house: House,
        now: Callable[[], float],
        heater_w: Callable[[str], float],
        heating: Callable[[str], bool],
    ) -> None:
        self._now = now
        self._heater_w = heater_w
        self._heating = heating
        self._loads = tuple(house.loads)
        self._samples: dict[str, deque[_Sample]] = {}
        self._readings: dict[str, deque[Reading]] = {}
        meters = [
            meter
            for circuit in house.circuits.values()
            for meter in (circuit.meter, circuit.available, *circuit.non_heating_meters)
        ]
        meters += [load.meter for load in house.loads.values()]
        self._believable = {
            each.name: (each.min_w, each.max_w) for each in meters if each is not None
        }

    def watch(self, meter: Meter) -> None:
        """Keep what this meter samples."""
        samples: deque[_Sample] = deque(maxlen=KEPT_SAMPLES)
        self._samples[meter.topic] = samples
        for quantity in meter.quantities:
            self._readings[quantity.name] = deque(maxlen=KEPT_READINGS)

        def sampled(payload: bytes, power_w: dict[str, float]) -> None:
            heating = frozenset(load for load in self._loads if self._heating(load))
            drawing_w = {load: watts for load in heating if (watts := self._heater_w(load)) > 0.0}
            samples.append(_Sample(self._now(), payload, power_w, drawing_w, heating))

        meter.on_sample = sampled

    def of(self, meter: str) -> Sequence[Reading]:
        """Return a meter's last readings by its name, oldest first."""
        return self._readings.get(meter, ())

    def carried_by(self, topic: str) -> bool:
        """Return whether a watched meter publishes there."""
        return topic in self._samples

    def received(self, message: Message) -> tuple[str, ...]:
        """Note a meter's message; return the names of what it is a believable reading of."""
        samples = self._samples[message.topic]
        # the very bytes that were sampled: another sample may read the same
        found = next((each for each in samples if each.payload is message.payload), None)
        if found is None or message.retain:
            return ()
        while samples[0] is not found:
            samples.popleft()
        if len(samples) > 1:
            samples.popleft()
        names = []
        for name, watts in found.power_w.items():
            low_w, high_w = self._believable[name]
            if low_w <= watts <= high_w:
                reading = Reading(self._now(), found.at_s, watts, found.drawing_w, found.heating)
                self._readings[name].append(reading)
                names.append(name)
        return tuple(names)

    def clear(self) -> None:
        """Forget all readings: another life has heard none."""
        for readings in self._readings.values():
            readings.clear()
