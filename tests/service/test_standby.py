"""Who commands when several balancers meet."""

import pytest

from balancer.service.heartbeat import Beat
from balancer.service.standby import Role, Standby

ME = "5000"


def echo(standby: Standby, since_s: float, until_s: float) -> float:
    """Let our own heartbeat come back twice a second; return when we began to command."""
    at_s = since_s
    while at_s <= until_s:
        standby.echoed(at_s)
        if standby.role is Role.COMMANDING:
            return at_s
        at_s += 0.5
    return float("inf")


def test_first_one_commands_with_its_first_echo() -> None:
    standby = Standby(ME)
    standby.connected()
    assert echo(standby, 10.0, 20.0) == 10.0


def test_one_that_finds_somebody_online_listens_first() -> None:
    """1.5 s, then nobody was there: the word was left over."""
    standby = Standby(ME, online_before=True)
    standby.connected()
    assert echo(standby, 10.0, 20.0) == 11.5


def test_one_that_hears_another_command_stands_by() -> None:
    standby = Standby(ME, online_before=True)
    standby.connected()
    standby.heard(Beat("9000", 1, True))
    assert standby.role is Role.STANDBY
    assert standby.rival == "9000"


def test_standby_takes_over_after_three_seconds_of_silence() -> None:
    standby = Standby(ME, role=Role.STANDBY)
    standby.connected()
    standby.heard(Beat("9000", 1, True))
    assert echo(standby, 10.0, 12.5) == float("inf")
    standby.heard(Beat("9000", 2, True))
    assert echo(standby, 13.0, 20.0) == 16.0


def test_silence_counts_only_while_our_own_heartbeat_comes_back() -> None:
    """A broker that stood still made everybody silent."""
    standby = Standby(ME, role=Role.STANDBY)
    standby.connected()
    standby.echoed(10.0)
    standby.echoed(110.0)
    assert standby.role is Role.STANDBY
    assert echo(standby, 110.5, 120.0) == 113.0


def test_silence_begins_anew_with_each_connection() -> None:
    standby = Standby(ME, role=Role.STANDBY)
    standby.connected()
    assert echo(standby, 10.0, 12.5) == float("inf")
    standby.connected()
    assert echo(standby, 13.0, 15.5) == float("inf")


@pytest.mark.parametrize(
    ("other", "role"), [("4000", Role.STANDBY), ("6000", Role.COMMANDING)], ids=["less", "more"]
)
def test_of_two_that_command_the_smaller_id_keeps_on(other: str, role: Role) -> None:
    standby = Standby(ME, role=Role.COMMANDING)
    standby.heard(Beat(other, 1, True))
    assert standby.role is role


def test_two_that_stand_by_do_not_wait_for_each_other() -> None:
    standby = Standby(ME, role=Role.STANDBY)
    standby.connected()
    for at_s in (10.0, 10.5, 11.0, 11.5, 12.0, 12.5, 13.0):
        standby.heard(Beat("4000", 1, False))
        standby.echoed(at_s)
    assert standby.role is Role.COMMANDING
