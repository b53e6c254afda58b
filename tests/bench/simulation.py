"""How fast the simulator is: a house-day at 1 Hz, and a house-year on a change-driven meter.

Run ``python tests/bench/simulation.py``; processor time of one core, engine included. The house of
the year believes its meter for two minutes, so that it may be silent for one.
"""

import argparse
import time
from dataclasses import replace

from balancer.sim.contest.drive import EVERY_SECOND, ON_CHANGE, Lags
from balancer.sim.contest.strategies import Case, Contest
from balancer.sim.home.traces import shipped_trace, shipped_weather
from tests.bench.control import Winter, house


def took_s(days: float, lags: Lags, stale_after_s: float) -> float:
    """Return the processor time of one house, without the clairvoyant."""
    winter = Winter(
        seed=1,
        limit_w=6000,
        heaters="mixed",
        days=days,
        on_change=False,
        saturated=False,
    )
    setup = house(winter)
    circuit = setup.house.circuits["main"]
    assert circuit.meter is not None
    patient = replace(circuit, meter=replace(circuit.meter, stale_after_s=stale_after_s))
    setup = replace(setup, house=replace(setup.house, circuits={"main": patient}))
    case = Case(setup=setup, trace=shipped_trace(), weather=shipped_weather(), days=days, lags=lags)
    drive = Contest(case, ("balancer",)).drives["balancer"]
    began_s = time.process_time()
    drive.run_until(days * 86_400.0)
    return time.process_time() - began_s


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=1.0, help="at 1 Hz")
    parser.add_argument("--year-days", type=float, default=365.0, help="on change")
    options = parser.parse_args()
    day_s = took_s(options.days, EVERY_SECOND, 15.0) / options.days
    print(f"house-day at 1 Hz: {day_s:.1f} s")
    seldom = replace(ON_CHANGE, heartbeat_s=60.0)
    year_s = took_s(options.year_days, seldom, 120.0)
    print(f"{options.year_days:g} house-days on a change-driven meter: {year_s:.0f} s")


if __name__ == "__main__":
    main()
