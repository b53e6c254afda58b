import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from balancer.core.commands import Cause, Note, NoteKind, Reason
from balancer.core.snapshot import Snapshot
from balancer.views.counts import Counts, Session
from balancer.views.metrics import Metrics
from tests.machine import needed
from tests.views.small_house import a_house, a_snapshot

CONTRACT = {
    "balancer_circuit_power_watts",
    "balancer_circuit_limit_watts",
    "balancer_circuit_available_watts",
    "balancer_circuit_headroom_watts",
    "balancer_circuit_active_loads",
    "balancer_circuit_mode",
    "balancer_circuit_blind",
    "balancer_trip_heat_ratio",
    "balancer_trip_margin_seconds",
    "balancer_sheddable_overload_ratio",
    "balancer_meter_age_seconds",
    "balancer_meter_period_seconds",
    "balancer_rejected_messages_total",
    "balancer_load_on",
    "balancer_load_requested",
    "balancer_load_draw_watts",
    "balancer_load_reason",
    "balancer_load_on_seconds_total",
    "balancer_relay_switches_total",
    "balancer_relay_confirm_seconds",
    "balancer_relay_retries_total",
    "balancer_relay_unconfirmed_total",
    "balancer_relay_foreign_total",
    "balancer_relay_wear_ratio",
    "balancer_sheds_total",
    "balancer_rotations_total",
    "balancer_reaction_seconds",
    "balancer_loop_lag_seconds",
    "balancer_mqtt_connected",
    "balancer_mqtt_reconnects_total",
    "balancer_heartbeat_rtt_seconds",
    "balancer_build_info",
}


def rendered(
    seen: Snapshot | None = None, counts: Counts | None = None, session: Session | None = None
) -> bytes:
    metrics = Metrics(
        a_house(),
        version="1.2.3",
        seen=lambda: seen or a_snapshot(),
        counts=counts or Counts(),
        session=session or Session(),
    )
    return metrics.render()


def samples(payload: bytes) -> dict[tuple[str, ...], float]:
    """Return values by name and label values other than house, labels in alphabetical order."""
    found = {}
    for family in text_string_to_metric_families(payload.decode()):
        for sample in family.samples:
            if sample.name.startswith("balancer_"):
                assert sample.labels.get("house") == "house", sample
            labels = [value for key, value in sorted(sample.labels.items()) if key != "house"]
            found[sample.name, *labels] = sample.value
    return found


def busy() -> tuple[Counts, Session]:
    counts, session = Counts(), Session(connected=True, heartbeat_rtt_s=0.002)
    for kind in NoteKind:
        counts.note(Note(kind, "towels", value=0.3, cause=Cause.OVERLOAD))
    counts.rejected["circuits.main.meter", "nonfinite"] += 2
    counts.sheds["main", "overload"] += 3
    session.reconnects["heartbeat"] += 1
    session.reaction.observe(0.0004)
    return counts, session


def test_every_metric_of_the_contract_is_there() -> None:
    """Design: Metrics."""
    text = rendered(None, *busy()).decode()
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert families >= CONTRACT


def test_numbers_come_from_the_snapshot_in_base_units() -> None:
    values = samples(rendered(None, *busy()))
    assert values["balancer_circuit_power_watts", "main"] == 4922.0
    assert values["balancer_circuit_limit_watts", "garage"] == 3000.0
    assert values["balancer_trip_margin_seconds", "main"] == math.inf
    assert values["balancer_likely_overload_ratio", "main"] == 1.33
    assert values["balancer_load_on", "lounge_window"] == 1.0
    assert values["balancer_relay_wear_ratio", "towels"] == 0.00112
    assert values["balancer_relay_switches_total", "overload", "towels"] == 1.0
    assert values["balancer_relay_switches_total", "rotation", "bench"] == 0.0
    assert values["balancer_sheds_total", "overload", "main"] == 3.0
    assert values["balancer_relay_retries_total", "towels"] == 1.0
    assert values["balancer_rejected_messages_total", "nonfinite", "circuits.main.meter"] == 2.0
    assert values["balancer_mqtt_connected",] == 1.0
    assert values["balancer_mqtt_reconnects_total", "heartbeat"] == 1.0


def test_what_is_unknown_has_no_sample() -> None:
    values = samples(rendered())
    for name in ("balancer_circuit_power_watts", "balancer_circuit_mode"):
        assert (name, "garage") not in values
    assert ("balancer_meter_age_seconds", "circuits.garage.non_heating_meters.0") not in values
    assert ("balancer_heartbeat_rtt_seconds",) not in values


def test_each_load_has_exactly_one_reason() -> None:
    """R18."""
    values = samples(rendered())
    for load, reason in (("lounge_window", "serving"), ("towels", "shed"), ("bench", "fault")):
        shown = {each: values["balancer_load_reason", load, each.value] for each in Reason}
        assert [each for each, value in shown.items() if value] == [reason]


def test_a_histogram_is_cumulated_up_to_infinity() -> None:
    values = samples(rendered(None, *busy()))
    bucket = "balancer_relay_confirm_seconds_bucket"
    assert [values[bucket, le, "towels"] for le in ("0.2", "0.3", "10.0", "+Inf")] == [0, 1, 1, 1]
    assert values["balancer_relay_confirm_seconds_count", "towels"] == 1.0
    assert values["balancer_relay_confirm_seconds_sum", "towels"] == 0.3
    assert values["balancer_reaction_seconds_bucket", "0.0005"] == 1.0
    assert values["balancer_reaction_seconds_bucket", "0.0002"] == 0.0


def test_time_on_grows_between_scrapes() -> None:
    counts = Counts()
    seen = a_snapshot()
    first = samples(rendered(seen, counts))
    second = samples(rendered(replace(seen, at_s=seen.at_s + 30.0), counts))
    name = ("balancer_load_on_seconds_total", "lounge_window")
    assert (first[name], second[name]) == (0.0, 30.0)


def test_houses_have_registries_of_their_own() -> None:
    """Design: Layers (no globals)."""
    assert rendered() != rendered(None, *busy())


def test_the_engine_can_count_without_the_metrics_library() -> None:
    """Style: third-party imports have one home."""
    program = (
        "import sys, balancer.views.counts, balancer.views.status, balancer.views.memory,"
        " balancer.views.homeassistant; assert 'prometheus_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_prometheus_finds_nothing_to_say_against_the_metrics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    promtool = needed("promtool")
    own = b"\n".join(line for line in rendered(None, *busy()).splitlines() if b"balancer_" in line)
    result = subprocess.run(
        [promtool, "check", "metrics"], input=own + b"\n", capture_output=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_the_metrics_are_the_ones_that_dashboards_rely_on(
    golden: Callable[[str, str], None],
) -> None:
    """Names, types and help; numbers are tested above."""
    lines = rendered(None, *busy()).decode().splitlines()
    golden(
        "metrics.txt",
        "".join(f"{line}\n" for line in lines if line.startswith("#") and "balancer_" in line),
    )
