"""R19, I24: times to trip and promises, never longer than those of any breaker of the profile."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.core import breaker as estimated
from balancer.core.model import Breaker

RATING_W = 6000.0
COLD = 0.0


def a_breaker(profile: str, rating_w: float = RATING_W) -> Breaker:
    return Breaker(profile=profile, rating_w=rating_w)


def time_to_trip_s(profile: str, load: float, preload: float = 0.0) -> float:
    """Return the margin at ``load`` times the rating after a long time at ``preload``."""
    breaker = a_breaker(profile)
    heat = estimated.steady_heat(breaker, preload * RATING_W)
    return estimated.trip_margin_s(breaker, heat, load * RATING_W)


def true_time_to_trip_s(k: float, constant_s: float, load: float, heat: float = 0.0) -> float:
    """Return when one breaker with one threshold and one time constant trips."""
    if load <= k:
        return math.inf
    if heat >= k**2:
        return 0.0
    return constant_s * math.log((load**2 - heat) / (load**2 - k**2))


def constant_s_of(k: float, cold_s: float) -> float:
    """Return the time constant with which 2.55 times the rating trips after ``cold_s``."""
    return cold_s / math.log(2.55**2 / (2.55**2 - k**2))


@pytest.mark.parametrize(
    ("load", "worst_norm", "typical", "slow_norm"),
    [
        (1.15, (15.4, 12.4), (math.inf, math.inf), (math.inf, math.inf)),
        (1.3, (6.4, 4.3), (240.0, 208.0), (math.inf, math.inf)),
        (1.5, (3.8, 2.3), (90.0, 67.0), (419.0, 367.0)),
        (2.0, (1.8, 1.0), (36.0, 24.0), (115.0, 88.0)),
        (2.55, (1.0, 0.5), (20.0, 13.0), (60.0, 44.0)),
    ],
)
def test_bimetals_trip_no_later_than_the_table_and_not_much_earlier(
    load: float,
    worst_norm: tuple[float, float],
    typical: tuple[float, float],
    slow_norm: tuple[float, float],
) -> None:
    """R19. From cold and from steady 0.8; the norm's whole band costs up to 8 % of the time."""
    for preload, expected_s in zip((0.0, 0.8), worst_norm, strict=True):
        assert time_to_trip_s("worst_norm", load, preload) <= expected_s
        assert time_to_trip_s("worst_norm", load, preload) >= 0.88 * expected_s
    for preload, expected_s in zip((0.0, 0.8), typical, strict=True):
        assert time_to_trip_s("typical", load, preload) == pytest.approx(expected_s, rel=0.02)
    for preload, expected_s in zip((0.0, 0.8), slow_norm, strict=True):
        assert time_to_trip_s("slow_norm", load, preload) == pytest.approx(expected_s, rel=0.02)


@pytest.mark.parametrize(
    ("load", "strict_s", "nominal_s"),
    [
        (1.15, (150.0, 93.0, 33.0), (math.inf, math.inf, math.inf)),
        (1.4, (72.0, 40.0, 12.0), (230.0, 198.0, 170.0)),
        (1.6, (49.0, 26.0, 8.0), (122.0, 99.0, 80.0)),
        (3.0, (11.0, 5.0, 2.0), (22.0, 17.0, 13.0)),
    ],
)
def test_the_linky_filter_trips_one_evaluation_before_the_table(
    load: float, strict_s: tuple[float, ...], nominal_s: tuple[float, ...]
) -> None:
    """R19. From steady 0.5, 0.8, 0.95; the meter's next look may come at once."""
    for preload, strict, nominal in zip((0.5, 0.8, 0.95), strict_s, nominal_s, strict=True):
        assert time_to_trip_s("linky", load, preload) + 1.0 == pytest.approx(strict, abs=0.6)
        assert time_to_trip_s("linky_nominal", load, preload) + 1.0 == pytest.approx(
            nominal, abs=0.6
        )


def test_the_linky_filter_is_never_ahead_of_the_estimate() -> None:
    """I24. The meter's own recursion, looking right after the power rose."""
    filtered, looks = 0.8**2, 0
    while filtered < 1.0:
        filtered += 0.008 * (1.5**2 - filtered)
        looks += 1
    # the first look may come with the rise itself
    assert time_to_trip_s("linky", 1.5, 0.8) <= looks - 1


@pytest.mark.parametrize(
    ("reaction_s", "worst_norm", "fast_practical", "typical", "linky"),
    [
        (0.5, 2.12, 3.0, 4.0, math.inf),
        (1.0, 1.68, 3.0, 4.0, math.inf),
        (2.0, 1.40, 2.32, 4.0, math.inf),
        (3.0, 1.30, 1.99, 4.0, 5.8),
        (5.0, 1.21, 1.68, 3.4, 4.6),
        (10.0, 1.15, 1.40, 2.5, 3.3),
        (30.0, 1.13, 1.19, 1.7, 2.1),
        (60.0, 1.13, 1.14, 1.5, 1.7),
    ],
)
def test_the_promise_is_no_better_than_the_table(
    reaction_s: float, worst_norm: float, fast_practical: float, typical: float, linky: float
) -> None:
    """R19. Largest overload that is survived from a steady 0.95, capped at the magnetic edge."""
    promise = {
        profile: estimated.survivable_overload(a_breaker(profile), reaction_s, RATING_W)
        for profile in ("worst_norm", "fast_practical", "typical", "linky", "linky_nominal")
    }
    assert 0.96 * worst_norm <= promise["worst_norm"] <= worst_norm + 0.005
    assert promise["fast_practical"] == pytest.approx(fast_practical, abs=0.006)
    assert promise["typical"] == pytest.approx(typical, abs=0.06)
    assert promise["linky_nominal"] <= linky + 0.05
    assert promise["linky"] < promise["linky_nominal"]
    if reaction_s > 1.0 and linky < math.inf:
        a_second_less = estimated.survivable_overload(
            a_breaker("linky_nominal"), reaction_s - 1.0, RATING_W
        )
        assert a_second_less == pytest.approx(linky, abs=0.06)


@given(
    profile=st.sampled_from(sorted(estimated.PROFILES)),
    reaction_s=st.floats(0.01, 20_000.0),
    limit=st.floats(0.3, 1.05),
)
@settings(max_examples=100)
def test_an_overload_within_the_promise_is_shed_before_it_trips(
    profile: str, reaction_s: float, limit: float
) -> None:
    """R19. The promise and the margin are one model."""
    breaker = a_breaker(profile)
    promise = estimated.survivable_overload(breaker, reaction_s, limit * RATING_W)
    assert promise >= 0.0
    if promise in (0.0, math.inf):
        return
    before = estimated.steady_heat(breaker, 0.95 * limit * RATING_W)
    below = estimated.trip_margin_s(breaker, before, promise * limit * RATING_W * (1 - 1e-6))
    above = estimated.trip_margin_s(breaker, before, promise * limit * RATING_W * (1 + 1e-6))
    assert below >= reaction_s * (1 - 1e-3)
    assert above <= reaction_s * (1 + 1e-3)


@given(
    k=st.floats(1.13, 1.45),
    cold_s=st.floats(1.0, 120.0),
    magnetic=st.floats(0.0, 1.0),
    edge=st.sampled_from(
        [("worst_norm", 3.0, 5.0), ("B", 3.0, 5.0), ("C", 5.0, 10.0), ("D", 10.0, 20.0)]
    ),
    history=st.lists(
        st.tuples(st.floats(0.0, 2.9), st.floats(0.01, 900.0)), min_size=1, max_size=12
    ),
    then=st.floats(0.5, 12.0),
)
@settings(max_examples=100)
def test_no_breaker_of_the_norm_trips_before_the_margin_has_passed(
    *,
    k: float,
    cold_s: float,
    magnetic: float,
    edge: tuple[str, float, float],
    history: list[tuple[float, float]],
    then: float,
) -> None:
    """I24. Any threshold, speed and magnetic release of the band, any history that it survives."""
    profile, least, greatest = edge
    breaker, constant_s = a_breaker(profile), constant_s_of(k, cold_s)
    heat, truth = COLD, COLD
    for load, for_s in history:
        if true_time_to_trip_s(k, constant_s, load, truth) <= for_s:
            return  # it has tripped: nothing is left to be estimated
        truth += (load**2 - truth) * (1 - math.exp(-for_s / constant_s))
        heat = estimated.advance(breaker, heat, load * RATING_W, for_s)
        assert truth / k**2 <= estimated.heat_ratio(breaker, heat, load * RATING_W) + 1e-9
    true_s = true_time_to_trip_s(k, constant_s, then, truth)
    if then >= least + magnetic * (greatest - least):
        true_s = 0.0
    assert estimated.trip_margin_s(breaker, heat, then * RATING_W) <= true_s * (1 + 1e-9)


@given(
    profile=st.sampled_from(sorted(estimated.PROFILES)),
    load=st.floats(-1.5, 3.0),
    parts_s=st.lists(st.floats(0.0, 50.0), min_size=1, max_size=5),
    preload=st.floats(0.0, 1.0),
)
@settings(max_examples=100)
def test_many_small_advances_are_one_large_one(
    profile: str, load: float, parts_s: list[float], preload: float
) -> None:
    """R19. Exact under constant power: how often the meter speaks does not matter."""
    breaker = a_breaker(profile)
    before = estimated.steady_heat(breaker, preload * RATING_W)
    at_once = estimated.advance(breaker, before, load * RATING_W, math.fsum(parts_s))
    heat = before
    for part_s in parts_s:
        heat = estimated.advance(breaker, heat, load * RATING_W, part_s)
    assert heat == pytest.approx(at_once, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("profile", sorted(estimated.PROFILES))
def test_the_margin_is_the_time_after_which_heat_is_one(profile: str) -> None:
    """R19. What is promised comes true when the power goes on (a device may look a bit early)."""
    breaker = a_breaker(profile)
    for load, preload in itertools.product((1.2, 1.5, 2.0), (0.0, 0.8, 0.95)):
        heat = estimated.steady_heat(breaker, preload * RATING_W)
        margin_s = estimated.trip_margin_s(breaker, heat, load * RATING_W)
        if margin_s == math.inf:
            assert estimated.heat_ratio(breaker, heat, load * RATING_W) < 1.0
            continue
        lead_s = 1.0 if profile.startswith("linky") else 0.0
        heat = estimated.advance(breaker, heat, load * RATING_W, margin_s + lead_s)
        assert estimated.heat_ratio(breaker, heat, load * RATING_W) == pytest.approx(1.0)
        after_s = estimated.trip_margin_s(breaker, heat, load * RATING_W)
        assert after_s == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("profile", "threshold"),
    [
        ("worst_norm", 1.13),
        ("typical", 1.28),
        ("slow_norm", 1.45),
        ("linky", 1.0),
        ("linky_nominal", 1.3),
        ("es_smart", 1.395),
        ("gG25", 1.25),
        ("enel", 1.10),
        ("instant", 1.0),
    ],
)
def test_up_to_the_threshold_nothing_ever_trips(profile: str, threshold: float) -> None:
    """R19. Below and at the threshold the margin is infinite, just above it is not."""
    breaker = a_breaker(profile)
    heat = COLD
    for load in (threshold - 1e-6, threshold):
        heat = estimated.advance(breaker, heat, load * RATING_W, 1e6)
        assert estimated.trip_margin_s(breaker, heat, load * RATING_W) == math.inf
    assert estimated.trip_margin_s(breaker, heat, (threshold + 1e-6) * RATING_W) < math.inf


@pytest.mark.parametrize(
    ("profile", "edge"),
    [("B", 3.0), ("C", 5.0), ("D", 10.0), ("worst_norm", 3.0), ("typical", 4.0), ("gG25", 2.08)],
)
def test_from_the_edge_on_no_time_is_promised(profile: str, edge: float) -> None:
    """R19. The magnetic release; a fuse beyond the gate that it must hold."""
    assert time_to_trip_s(profile, edge * (1 - 1e-9)) > 0.0
    assert time_to_trip_s(profile, edge) == 0.0
    assert time_to_trip_s(profile, edge * 2) == 0.0
    promise = estimated.survivable_overload(a_breaker(profile), 1e-3, RATING_W)
    assert promise == pytest.approx(edge)


@pytest.mark.parametrize(
    ("load", "margin_s"),
    [(1.10, math.inf), (1.11, 10_800.0), (1.33, 10_800.0), (1.34, 120.0), (2.0, 120.0)],
)
def test_the_italian_meter_counts_seconds(load: float, margin_s: float) -> None:
    """R19. Up to 1.10 for ever, up to 1.33 three hours, above two minutes."""
    assert time_to_trip_s("enel", load) == margin_s


def test_the_italian_meter_forgets_when_the_power_is_back_under_its_threshold() -> None:
    """R19. One timer for both bands; minutes at a small overload count against a large one."""
    breaker = a_breaker("enel")
    # given a minute and a half at 1.2
    heat = estimated.advance(breaker, COLD, 1.2 * RATING_W, 90.0)
    assert estimated.trip_margin_s(breaker, heat, 1.2 * RATING_W) == 10_710.0
    assert estimated.trip_margin_s(breaker, heat, 1.5 * RATING_W) == 30.0
    assert estimated.heat_ratio(breaker, heat, 1.5 * RATING_W) == pytest.approx(0.75)
    # when the power is back at the threshold, then the timer is too
    heat = estimated.advance(breaker, heat, 1.1 * RATING_W, 0.1)
    assert estimated.trip_margin_s(breaker, heat, 1.5 * RATING_W) == 120.0
    assert estimated.heat_ratio(breaker, heat, 0.5 * RATING_W) == 0.0


@pytest.mark.parametrize(
    ("profile", "reaction_s", "promise"),
    [
        ("enel", 119.9, math.inf),
        ("enel", 120.0, 1.33),
        ("enel", 10_799.0, 1.33),
        ("enel", 10_800.0, 1.10),
        ("instant", 0.99, math.inf),
        ("instant", 1.0, 1.0),
    ],
)
def test_a_timer_promises_its_stages(profile: str, reaction_s: float, promise: float) -> None:
    """R19."""
    got = estimated.survivable_overload(a_breaker(profile), reaction_s, RATING_W)
    assert got == pytest.approx(promise)


def test_the_promise_counts_in_limits_not_in_ratings() -> None:
    """R19. A 32 A breaker behind a limit of 30 A gives a little more."""
    same = estimated.survivable_overload(a_breaker("C", 6000.0), 60.0, 6000.0)
    wider = estimated.survivable_overload(a_breaker("C", 6400.0), 60.0, 6000.0)
    assert wider == pytest.approx(same * 6400.0 / 6000.0, rel=1e-3)


def test_a_limit_far_above_the_rating_promises_nothing() -> None:
    """R19. The preload alone trips the breaker."""
    for profile in ("worst_norm", "enel", "instant", "gG"):
        assert estimated.survivable_overload(a_breaker(profile), 1.0, 1.6 * RATING_W) == 0.0


def test_a_limit_of_nothing_is_no_error() -> None:
    """R19. The limit may be set to 0 at run time."""
    assert estimated.survivable_overload(a_breaker("C"), 1.0, 0.0) == math.inf


def test_no_heat_exceeds_the_threshold_of_a_breaker_that_holds() -> None:
    """R19. Long over the limit, yet alive: it was a slower breaker; the estimate stops at 1."""
    breaker = a_breaker("worst_norm")
    heat = estimated.advance(breaker, COLD, 2.5 * RATING_W, 1000.0)
    assert estimated.heat_ratio(breaker, heat, 2.5 * RATING_W) == 1.0
    assert estimated.trip_margin_s(breaker, heat, 1.2 * RATING_W) == 0.0
    assert estimated.trip_margin_s(breaker, heat, 1.0 * RATING_W) == math.inf


def test_with_nothing_known_the_breaker_counts_as_warm() -> None:
    """R19, I24. As after a long time at 0.95 of the rating."""
    breaker = a_breaker("typical")
    heat = estimated.initial_heat(breaker)
    assert estimated.heat_ratio(breaker, heat, 0.0) == pytest.approx(0.95**2 / 1.28**2)
    assert estimated.initial_heat(a_breaker("enel")) == 0.0


def test_every_profile_has_a_believable_edge() -> None:
    """R19."""
    for profile in estimated.PROFILES.values():
        if isinstance(profile, estimated.Timer):
            thresholds = [threshold for threshold, _ in profile.stages]
            assert thresholds == sorted(thresholds)
            assert min(thresholds) >= 1.0
        else:
            assert profile.k >= 1.0
            assert profile.edge > profile.k
            assert profile.cooling_s >= profile.warming_s > 0.0
