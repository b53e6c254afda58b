"""What is broken on purpose: one function a fault, which heals what it broke.

A fault gets the rig and for how long, in seconds, and returns what was measured of it.
"""

from dataclasses import dataclass, replace

from tests.chaos import access_faults, broker_faults, device_faults, line_faults, service_faults
from tests.chaos.outcome import NOTICE_S, READY_S, SUBACK_S, Fault

REST_S = 5.5  # a connection that lives so long has no rival; eleven heartbeats are their median


@dataclass(frozen=True)
class Kind:
    """A fault in a campaign.

    Attributes:
        weight: How often, relative to others.
        least_s, most_s: How long it lasts.
        ready_s: How soon after it the balancer has to be ready; None: nothing is said.
        noticed_s: How soon it has to be noticed, likewise.
        quiet: It wants a house in which nothing happens.
        rest_s: For how long the balancer is still on its guard afterwards: suspects a rival
            client of its own name, or takes the line for a slow one.
    """

    fault: Fault
    weight: float = 1.0
    least_s: float = 1.0
    most_s: float = 5.0
    ready_s: float | None = None
    noticed_s: float | None = None
    quiet: bool = False
    rest_s: float = 0.0

    @property
    def name(self) -> str:
        return getattr(self.fault, "__name__", "fault")

    def at_most(self, longest_s: float) -> "Kind":
        """Return the same, never longer than that."""
        return replace(self, most_s=max(self.least_s, min(self.most_s, longest_s)))


KINDS = (
    Kind(broker_faults.broker_frozen, 3.0, 1.0, 120.0, READY_S, NOTICE_S),
    Kind(broker_faults.broker_killed, 3.0, 0.1, 30.0, READY_S),
    Kind(broker_faults.broker_wiped, 2.0, 0.1, 20.0, READY_S),
    Kind(broker_faults.broker_loop, 1.0, 3.0, 15.0, rest_s=REST_S),
    Kind(line_faults.deaf_line, 1.0, 3.0, 60.0, READY_S),
    Kind(line_faults.dumb_line, 1.0, 3.0, 60.0, READY_S),
    Kind(line_faults.dead_line, 1.0, 3.0, 60.0, READY_S),
    Kind(line_faults.half_open, 1.0, 3.0, 60.0, READY_S),
    Kind(line_faults.slow_line, 2.0, 5.0, 20.0),
    Kind(line_faults.very_slow_line, 0.5, 10.0, 30.0, rest_s=REST_S),
    Kind(line_faults.narrow_line, 0.7, 15.0, 40.0),
    Kind(line_faults.sliced_line, 1.0, 4.0, 15.0),
    Kind(line_faults.repeating_line, 2.0, 5.0, 15.0),
    Kind(line_faults.reset_line, 2.0, 0.0, 5.0, rest_s=REST_S),
    Kind(line_faults.refusing_line, 0.5, 5.0, 20.0, rest_s=REST_S),
    Kind(line_faults.lost_suback, 1.0, 0.0, 1.0, SUBACK_S),
    Kind(access_faults.rival_id, 0.5, 3.0, 15.0, rest_s=REST_S),
    Kind(access_faults.meter_forbidden, 0.5, 4.0, 8.0),
    Kind(access_faults.heartbeat_forbidden, 0.5, 4.0, 12.0),
    Kind(access_faults.commands_forbidden, 0.5, 4.0, 12.0),
    Kind(access_faults.bad_password, 0.5, 2.0, 15.0),
    Kind(service_faults.service_frozen, 3.0, 0.5, 12.0, READY_S),
    Kind(service_faults.service_killed, 5.0, 0.0, 4.0),
    Kind(service_faults.quiet_service_killed, 3.0, 0.0, 2.0, quiet=True),
    Kind(service_faults.service_stopped, 1.0, 0.0, 2.0),
    Kind(service_faults.busy_machine, 0.3, 3.0, 8.0),
    Kind(service_faults.clock_turned, 1.0, 3.0, 6.0, quiet=True),
    Kind(service_faults.second_instance, 1.0, 2.0, 8.0),
    Kind(service_faults.split_brain, 1.0, 4.0, 20.0),
    Kind(device_faults.dead_relays, 1.0, 4.0, 15.0),
    Kind(device_faults.mute_relays, 1.0, 4.0, 15.0),
    Kind(device_faults.stuck_relays, 1.0, 4.0, 15.0),
    Kind(device_faults.deaf_relays, 1.0, 3.0, 10.0),
    Kind(device_faults.slow_relays, 1.0, 4.0, 15.0),
    Kind(device_faults.button, 1.0, 0.5, 1.0),
    Kind(device_faults.device_reboot, 1.0, 1.0, 2.0),
    Kind(device_faults.silent_meter, 1.0, 3.0, 10.0),
    Kind(device_faults.garbage_meter, 1.0, 3.0, 10.0),
    Kind(broker_faults.everything_dead, 0.5, 30.0, 32.0),
)


def kind(fault: Fault) -> Kind:
    """Return what a campaign says of a fault."""
    return next(each for each in KINDS if each.fault is fault)
