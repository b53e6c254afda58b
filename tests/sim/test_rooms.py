from itertools import pairwise
from random import Random

import pytest

from balancer.sim.home.rooms import Room, RoomShape, room_for

SHAPE = RoomShape(
    air_w_per_k=20.0,
    wall_w_per_k=40.0,
    coupling_w_per_k=300.0,
    air_j_per_k=4.0e5,
    wall_j_per_k=8.0e6,
)


def small_steps(
    air_c: float, wall_c: float, heat_w: float, outside_c: float, seconds: int
) -> float:
    """Return the air temperature by stepping both balances a tenth of a second at a time."""
    for _ in range(seconds * 10):
        into_air = heat_w + 20.0 * (outside_c - air_c) + 300.0 * (wall_c - air_c)
        into_wall = 40.0 * (outside_c - wall_c) + 300.0 * (air_c - wall_c)
        air_c += 0.1 * into_air / 4.0e5
        wall_c += 0.1 * into_wall / 8.0e6
    return air_c


def test_exact_step_agrees_with_many_small_ones() -> None:
    room = Room(SHAPE, air_c=18.0, outside_c=2.0)
    wall_c = room.wall_c(0.0)
    room.change(0.0, heat_w=1500.0, outside_c=2.0)
    assert room.air_c(3600.0) == pytest.approx(
        small_steps(18.0, wall_c, 1500.0, 2.0, 3600), abs=1e-3
    )


def test_changing_nothing_on_the_way_changes_nothing() -> None:
    straight, stopped = (Room(SHAPE, air_c=18.0, outside_c=2.0) for _ in range(2))
    straight.change(0.0, heat_w=900.0, outside_c=2.0)
    for second in range(0, 7200, 7):
        stopped.change(float(second), heat_w=900.0, outside_c=2.0)
    assert stopped.air_c(8000.0) == pytest.approx(straight.air_c(8000.0), abs=1e-9)


def test_room_ends_where_loss_and_heat_are_equal() -> None:
    room = Room(SHAPE, air_c=10.0, outside_c=0.0)
    room.change(0.0, heat_w=1000.0, outside_c=0.0)
    lasting_c = room.air_c(1e8)
    lost_w = 20.0 * lasting_c + 40.0 * room.wall_c(1e8)
    assert lost_w == pytest.approx(1000.0)


def test_reaching_a_temperature_is_found_to_the_second() -> None:
    room = Room(SHAPE, air_c=18.0, outside_c=2.0)
    room.change(0.0, heat_w=2000.0, outside_c=2.0)
    at_s = room.reaches_s(19.0, 0.0)
    assert at_s is not None
    assert room.air_c(at_s) == pytest.approx(19.0, abs=1e-4)
    # and none is found where none is within the hour
    assert room.reaches_s(40.0, 0.0) is None


@pytest.mark.parametrize("power_w", [500.0, 1500.0, 4000.0])
@pytest.mark.parametrize("seed", range(5))
def test_heaters_can_just_keep_their_room_warm_on_the_coldest_day(
    power_w: float, seed: int
) -> None:
    room = Room(room_for(power_w, Random(seed)), air_c=20.0, outside_c=-3.0)
    room.change(0.0, heat_w=power_w, outside_c=-3.0)
    assert 20.0 < room.air_c(1e8) < 30.0


def test_air_falls_by_a_degree_within_minutes_walls_only_within_hours() -> None:
    room = Room(room_for(1500.0, Random(3)), air_c=20.0, outside_c=0.0)
    room.change(0.0, heat_w=1100.0, outside_c=0.0)
    room.change(86400.0, heat_w=0.0, outside_c=0.0)
    warm_c, wall_c = room.air_c(86400.0), room.wall_c(86400.0)
    falls = [room.air_c(86400.0 + minute * 60.0) for minute in range(0, 61, 10)]
    assert all(after < before for before, after in pairwise(falls))
    assert warm_c - falls[2] > 0.7
    assert wall_c - room.wall_c(86400.0 + 3600.0) < 0.7
