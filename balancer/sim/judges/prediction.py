"""The least that a circuit may be taking: judged by the last reading, and by the truth."""

from balancer.core.model import Circuit
from balancer.sim.judges.readings import Reading
from balancer.sim.judges.stage import Stage

FAVOUR = 0.9  # the mains voltage was lower when its draw was learned
SENT_S = 2.0  # an ON of which nothing is heard may be under way for so long


class Prediction:
    """Bounds that hold under every reading of the rules, in favour of the balancer."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._house = stage.setup.house
        self._loads = stage.witness.loads

    def taken_w(self, circuit: Circuit, reading: Reading) -> float:
        """Return the least that the circuit may take now.

        What the reading contained and is off now is taken from it at its true draw; what was
        told to go on since then, or is on, is added.
        """
        stage, house = self._stage, self._stage.house
        power_w = reading.power_w
        gain = stage.troubles.gains.get(circuit.name, 1.0)
        for load in self._house.loads_of[circuit.name]:
            rated_w = self._house.power_w[load][circuit.name]
            part = rated_w / self._house.rated_w[load]
            seen = self._loads[load]
            on = house.heating(load) and house.powered(load)
            went_off = seen.commanded is False and self._confirmed_off(load, reading)
            drew_w = reading.drawing_w.get(load, 0.0) * part * gain
            if went_off and seen.known_on:  # whether it drew nothing, being idle or dead, is hidden
                takes_w = house.takes_w(load) * part * gain  # what may have been learned
                power_w -= max(drew_w, takes_w, rated_w / circuit.safe_ratio)
            elif load in reading.heating:
                power_w -= drew_w if went_off or not on else 0.0
            elif seen.commanded is True and seen.reported is not False:
                draw_w = house.heater_w(load) * part
                if draw_w > 0.0:
                    power_w += min(draw_w, self.admitted_w(load, circuit))
                elif (
                    not on
                    and not seen.reported  # else it had said that it was on, and lied
                    and seen.sent_on_s > stage.clock.now_s - SENT_S
                ):
                    power_w += self.admitted_w(load, circuit)
        return power_w

    def admitted_w(self, load: str, circuit: Circuit) -> float:
        """Return the least that a load may be counted as, once its real draw is learned (R14)."""
        rated_w = self._house.power_w[load][circuit.name]
        takes_w = self._stage.house.takes_w(load) * rated_w / self._house.rated_w[load]
        return FAVOUR * min(rated_w, takes_w)

    def _confirmed_off(self, load: str, reading: Reading) -> bool:
        """Return whether an OFF sent after a reading counts as done, be it true or not."""
        seen = self._loads[load]
        if seen.commanded_s < reading.sample_s:
            return False
        if seen.reported is False or not self._house.loads[load].relay.confirms:
            return True
        return any(self._fell(load, circuit) for circuit in self._house.power_w[load])

    def _fell(self, load: str, circuit: str) -> bool:
        """Return whether a circuit's meter has shown an OFF, if perhaps not every meter has (R10)."""
        own = self._house.circuits[circuit]
        readings = () if own.meter is None else self._stage.witness.readings.of(own.meter.name)
        if len(readings) < 2:
            return False
        before, last = readings[-2], readings[-1]
        draw_w = self._house.power_w[load][circuit] / own.safe_ratio
        return (
            last.at_s >= self._loads[load].commanded_s
            and before.power_w - last.power_w >= draw_w / 2.0
        )
