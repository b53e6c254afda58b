import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from balancer.cli.options import SimulateOptions
from balancer.cli.simulate import case_of, example_house, run_simulate
from balancer.sim.contest.sweep import Sweep, SweepError, parse_sweep, setup_with, smallest_warm

FIGURES = {
    "trips",
    "avoidable_trips",
    "minutes_over_limit",
    "heat_kwh",
    "heat_share",
    "cold_degree_hours",
    "unfairness_points",
    "switchings_per_load_day",
    "longest_over_limit_s",
    "violations",
}
ROOT = Path(__file__).parents[2]


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_json_is_one_object_with_every_figure_of_every_strategy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_simulate(SimulateOptions(days=0.1, seed=3, json=True)) == 0
    found = printed(capsys)
    assert set(found) == {"days", "seed", "limit_w", "strategies", "rooms", "loads"}
    assert (found["days"], found["seed"], found["limit_w"]) == (0.1, 3, 6900.0)
    assert list(found["strategies"]) == [
        "balancer", "seed", "threshold", "priority", "none", "bound",
    ]  # fmt: skip
    for figures in found["strategies"].values():
        assert set(figures) == FIGURES
    assert found["strategies"]["bound"]["heat_share"] == 1.0
    assert found["strategies"]["balancer"]["violations"] == 0
    assert found["strategies"]["seed"]["violations"] is None
    # and what came of every room and heater
    cold = [each["cold_degree_hours"] for each in found["rooms"].values()]
    for name, figures in found["strategies"].items():
        whole = sum(room[name] for room in cold)
        assert whole == pytest.approx(figures["cold_degree_hours"], abs=0.01)
    moves = [each["switchings_per_day"] for each in found["loads"].values()]
    of_each = found["strategies"]["balancer"]["switchings_per_load_day"]
    assert sum(moves) / len(moves) == pytest.approx(of_each, abs=0.01)
    for load in found["loads"].values():
        assert load["served_share"] is None or 0.0 <= load["served_share"] <= 1.0
        assert load["winters"] == pytest.approx(500.0 / load["switchings_per_day"], abs=0.01)


def test_table_names_every_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_simulate(SimulateOptions(days=0.05)) == 0
    shown = capsys.readouterr().out
    assert "limit 30 A" in shown
    for name in ("balancer", "seed", "threshold", "priority", "none", "bound"):
        assert name in shown
    assert "breaker trips" in shown
    assert "Lounge, window" in shown
    assert "relay lasts, winters" in shown


def test_own_house_trace_and_weather_are_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        "[circuits.main]\nlimit = 3000\n"
        'meter = { type = "mqtt", topic = "m" }\n[zones.z]\n[loads.l]\nzone = "z"\n'
        'circuit = "main"\npower = 2000\n'
        'relay = { type = "mqtt", command_topic = "r/set", state_topic = "r" }\n'
    )
    trace = tmp_path / "trace.csv"
    trace.write_text("time,voltage_v,house_w\n0,230,2500\n1800,230,2500\n")
    weather = tmp_path / "weather.csv"
    weather.write_text("hour_of_year,temp_c\n" + "".join(f"{hour},-5\n" for hour in range(8760)))
    options = SimulateOptions(
        config=config, trace=f"{trace}:house_w", weather=weather, days=None, json=True
    )
    assert run_simulate(options) == 0
    found = printed(capsys)
    # as long as the trace, and never room for the heater
    assert found["days"] == pytest.approx(3600.0 / 86_400.0, abs=1e-4)
    assert found["limit_w"] == 3000.0
    assert found["strategies"]["balancer"]["heat_kwh"] == 0.0
    assert found["strategies"]["none"]["heat_kwh"] > 0.0


def test_household_is_made_up_from_the_seed() -> None:
    usual, other, more = (
        case_of(SimulateOptions(trace=trace, days=2.0, seed=seed)).trace
        for trace, seed in (("household", 1), ("household", 2), ("household:shower", 1))
    )
    assert usual.length_s == 2 * 86_400.0
    assert max(other.power_w) != max(usual.power_w) > 2000.0
    assert max(more.power_w) > 8000.0 > max(usual.power_w)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (SimulateOptions(trace="nowhere.csv"), "nowhere.csv: No such file"),
        (SimulateOptions(weather=Path("nowhere.csv")), "nowhere.csv: No such file"),
        (SimulateOptions(trace="household:sauna"), "there is no appliance sauna; there are"),
        (SimulateOptions(days=0.0), "nothing to simulate"),
        (SimulateOptions(sweep="limit"), "is not KEY=A..B"),
        (SimulateOptions(sweep="limit=a..b"), "is not two numbers"),
        (SimulateOptions(sweep="limit=45..20"), "45 is not less than 20"),
        (SimulateOptions(faults="F00"), "there is no fault F00"),
        (SimulateOptions(faults="F49"), "F49 cannot happen in virtual time"),
        (SimulateOptions(report=Path("nowhere/house.html")), "there is no directory nowhere"),
        (SimulateOptions(report=ROOT), "is a directory"),
        (SimulateOptions(sweep="limit=20..30", report=Path("a.html")), "a report shows one run"),
        (SimulateOptions(sweep="limit=20..30", faults="F27"), "are compared without faults"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(
    options: SimulateOptions, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_simulate(options) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


def test_bad_line_of_a_trace_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("time,power_w\n0,1\n60,much\n")
    assert run_simulate(SimulateOptions(trace=str(trace))) == 2
    assert "trace.csv, line 3: power_w is 'much', not a number" in capsys.readouterr().err


def test_report_is_one_file_with_its_pictures_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "house.html"
    assert run_simulate(SimulateOptions(days=0.1, report=report)) == 0
    assert "house.html" in capsys.readouterr().err
    page = report.read_text()
    pictures = re.findall(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"', page)
    assert len(pictures) == 5
    assert not re.findall(r'(?:src|href)="http', page)
    for title in ("Power and limit", "Rooms", "Relays", "How long how much flowed"):
        assert title in page
    assert "The breaker never tripped" in page
    assert "degree hours too cold" in page
    assert "relay lasts, winters" in page


def test_sweep_prints_each_value_and_the_smallest_that_keeps_warm(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = SimulateOptions(days=0.06, sweep="limit=10..60", json=True, seed=2)
    assert run_simulate(options) == 0
    found = printed(capsys)
    assert found["sweep"] == "limit"
    values = [each["value"] for each in found["values"]]
    assert values == sorted(values)
    assert {10.0, 20.0, 30.0, 40.0, 50.0, 60.0} < set(values)
    assert found["smallest_warm"] in values
    for each in found["values"]:
        assert each["warm"] == (each["value"] >= found["smallest_warm"])
        assert set(each["strategies"]["balancer"]) == FIGURES
    # the neighbour below was tried, and is too small
    assert found["smallest_warm"] - 1.0 in values


def test_sweep_that_is_left_early_shows_the_values_that_were_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given somebody who has enough in the middle of the second value
    @contextmanager
    def impatience(_days: float, _what: str) -> Iterator[Callable[[float], bool]]:
        yield lambda done: done < 0.09

    monkeypatch.setattr("balancer.cli.sweep.patience", impatience)
    # when a sweep of two values runs
    assert run_simulate(SimulateOptions(days=0.05, sweep="limit=29..30", json=True)) == 1
    # then the first is shown
    said = capsys.readouterr()
    assert [each["value"] for each in json.loads(said.out)["values"]] == [29.0]
    assert "interrupted" in said.err


def test_other_keys_are_swept_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_simulate(SimulateOptions(days=0.05, sweep="reserve=0..1")) == 0
    shown = capsys.readouterr().out
    assert "by reserve" in shown
    assert "smallest" not in shown


def test_key_of_a_sweep_is_found_where_it_belongs() -> None:
    path = example_house()
    assert setup_with(path, "limit", 20.0).house.circuits["main"].limit_w == 4600.0
    loads = setup_with(path, "min_on", 60.0).house.loads.values()
    assert {load.min_on_s for load in loads} == {60.0}
    assert setup_with(path, "loads.tv.priority", 2.0).house.loads["tv"].priority == 2


def test_values_of_a_sweep_are_spread_over_its_range() -> None:
    assert parse_sweep("limit=20..24").values() == (20.0, 21.0, 22.0, 23.0, 24.0)
    assert parse_sweep("limit=20..45").values() == (20.0, 25.0, 30.0, 35.0, 40.0, 45.0)
    assert parse_sweep("hysteresis=1..1.4").values() == pytest.approx((1.0, 1.1, 1.2, 1.3, 1.4))
    with pytest.raises(SweepError):
        parse_sweep("=1..2")


def test_search_ends_between_neighbours() -> None:
    sweep = Sweep("limit", 20.0, 45.0)
    assert smallest_warm([(20.0, False), (30.0, True), (40.0, True)]) == (20.0, 30.0)
    assert smallest_warm([(20.0, False)]) == (20.0, None)
    assert sweep.between(20.0, 30.0) == 25.0
    assert sweep.between(24.0, 25.0) is None


def test_faults_befall_the_balancer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "house.html"
    options = SimulateOptions(days=0.13, faults="F19,F35", json=True, report=report)
    assert run_simulate(options) == 0
    assert "Faults (F19,F35) befell the balancer" in report.read_text()
    found = printed(capsys)["strategies"]
    assert found["balancer"]["violations"] == 0
    assert found["balancer"]["avoidable_trips"] == 0


def test_faults_befall_a_house_whose_file_has_a_byte_order_mark(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "house.toml"
    config.write_bytes(b"\xef\xbb\xbf" + example_house().read_bytes())
    options = SimulateOptions(config=config, days=0.05, faults="F19", json=True)
    assert run_simulate(options) == 0
    assert printed(capsys)["strategies"]["balancer"]["violations"] == 0


def test_example_house_in_the_package_is_the_one_in_the_root() -> None:
    assert example_house().read_bytes() == (ROOT / "config.toml").read_bytes()


def test_ctrl_c_leaves_the_figures_of_what_was_done() -> None:
    # given a long run that says on standard error what it does
    program = (
        "import sys; from balancer.sim.contest import strategies\n"
        "from balancer.cli.simulate import run_simulate, SimulateOptions\n"
        "whole = strategies.Drive.run_until\n"
        "def told(drive, until_s):\n"
        "    whole(drive, until_s)\n"
        "    print(until_s, file=sys.stderr, flush=True)\n"
        "strategies.Drive.run_until = told\n"
        "sys.exit(run_simulate(SimulateOptions(days=28, json=True)))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    # when it is interrupted in the second hour
    assert process.stderr is not None
    for line in process.stderr:
        if float(line) >= 7200.0:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120.0)
    # then it ends after that hour, with the figures so far
    assert process.returncode == 1
    found = json.loads(out)
    assert 0.0 < found["days"] < 1.0
    assert set(found["strategies"]["balancer"]) == FIGURES
    assert "interrupted after" in err
