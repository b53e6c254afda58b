"""R7: what comes back after an overload, where the circuit's meter does not decide."""

from balancer.core.model import Estimation
from tests.core.rig import Rig, a_circuit, a_house, a_meter

FREE = {"min_on_s": 0.0, "min_off_s": 0.0}


def test_what_an_overload_took_off_comes_back_where_only_the_mode_is_set_from_outside() -> None:
    """R1, R7, L02: power is not checked, but what the meter shed waits for its peak to pass."""
    mode_only = a_circuit(limit_w=6000.0, estimation=Estimation.EXTERNAL, steps=(3, 2, 1, 0))
    rig = Rig(a_house({"a": 2000.0}, mode_only, load_options=FREE), requested=True)
    rig.run(5.0)
    assert rig.on() == {"a"}
    rig.base_w["main"] = 5500.0
    rig.run(60.0)
    assert not rig.on()
    rig.base_w["main"] = 1000.0
    start_s = rig.now_s
    rig.run(60.0)
    (on,) = rig.commands(start_s, on=True)
    assert start_s + 29.0 <= on.at_s <= start_s + 32.0


def test_room_is_proven_beside_an_appliance_that_was_never_heard() -> None:
    """R1, R7: it counts at its most, as long as nothing else is known."""
    oven = a_meter("circuits.main.oven", 100.0)
    silent = a_circuit(
        limit_w=6000.0,
        estimation=Estimation.INDIVIDUAL,
        meter=None,
        non_heating_meters=(oven,),
    )
    house = a_house({"a": 2000.0, "b": 2000.0, "c": 500.0}, silent, load_options=FREE)
    rig = Rig(house, requested=("a", "b"))
    rig.run(30.0)
    assert rig.on() == {"a", "b"}
    # when a lower limit takes more off than it has to, and a smaller load is wanted
    rig.limit(4900.0)
    assert len(rig.on()) == 2
    rig.run(5.0)
    assert len(rig.on()) == 1
    start_s = rig.now_s
    rig.request("c")
    rig.run(40.0)
    # then it goes on when the room is restore_delay old
    (on,) = rig.commands(start_s, on=True)
    assert on.load == "c"
    assert start_s + 20.0 <= on.at_s <= start_s + 30.0


def test_power_given_back_after_an_overload_is_used_at_once_with_an_individual_estimation() -> None:
    """R7: the meter's overload ends what was there before, not what our own loads give back."""
    oven = a_meter("circuits.main.oven", 100.0)
    own = a_circuit(limit_w=6000.0, estimation=Estimation.INDIVIDUAL, non_heating_meters=(oven,))
    rig = Rig(
        a_house({"a": 2000.0, "b": 2000.0}, own, load_options=FREE, hold_off_s=0.0), requested=True
    )
    rig.read("circuits.main.oven", 0.0)
    rig.run(10.0)
    rig.base_w["main"] = 3000.0
    rig.run(5.0)
    (left,) = rig.on()
    rig.request(left, False)
    rig.run(5.0)
    assert rig.on() == {"a", "b"} - {left}
