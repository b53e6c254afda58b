"""R5: which loads are wanted, who may be switched, and who comes first."""

from collections.abc import Iterable
from math import exp

from balancer.core.draft import Draft
from balancer.core.model import Estimation, House
from balancer.core.state import LoadState, Share, State

FORGET_S = 86_400.0
DEAD_RETRY_S = 600.0  # a dead relay is tried again where there is room (R11)
MOST_VAIN = 6  # and where others make room for it: ten minutes later each time, an hour at most
LEAST_LEAD = 0.03  # a share must be lower by more than this to take a place (R6)


def boosted(ls: LoadState, at_s: float) -> bool:
    """Return whether a boost is running."""
    return ls.boost_until_s is not None and at_s < ls.boost_until_s


def review(draft: Draft) -> None:
    """Keep who is wanted: whoever is requested or boosted, unless all are away."""
    state, at_s = draft.state, draft.at_s
    if state.away or state.stopping:
        state.wanted = frozenset()
        return
    zones, loads = state.zones, state.loads
    state.wanted = frozenset(
        name
        for name, load in draft.house.loads.items()
        if zones[load.zone].requested or boosted(loads[name], at_s)
    )


def left_alone(ls: LoadState, at_s: float) -> bool:
    """Return whether somebody else's switching is left as it is (R11)."""
    return at_s < ls.left_alone_until_s


def ready(house: House, state: State, circuit: str) -> bool:
    """Return whether the circuit's meters have reported since start or reconnect (R15)."""
    own = house.circuits[circuit]
    if own.estimation is Estimation.GLOBAL:
        assert own.meter is not None, circuit
        return state.meters[own.meter.name].unbroken >= 2
    if own.estimation is Estimation.EXTERNAL and own.available is not None:
        return state.meters[own.available.name].unbroken >= 1
    return True


def unready(house: House, state: State) -> frozenset[str]:
    """Return the circuits that nobody knows anything of yet; blindness is known (R15)."""
    return frozenset(
        [
            name
            for name, cs in state.circuits.items()
            if not cs.blind and not ready(house, state, name)
        ]
    )


def controllable(state: State, name: str) -> bool:
    """Return whether turns may be given to a load: its relay is known, reachable and obeys."""
    return _obeys(state.loads[name], state.at_s)


def _obeys(ls: LoadState, at_s: float) -> bool:
    return (
        ls.reconciled and not ls.fault and ls.online is not False and at_s >= ls.left_alone_until_s
    )


def contends(state: State, name: str) -> bool:
    """Return whether a load takes part in the rotation: wanted, and may be switched."""
    return name in state.wanted and _obeys(state.loads[name], state.at_s)


def share(house: House, state: State, name: str) -> float:
    """Return served ÷ wanted time, divided by the load's turns; 0 if never."""
    served_s, wanted_s = state.shares[name]
    if wanted_s <= 0.0:
        return 0.0
    return served_s / wanted_s / house.loads[name].turns


def rank_class(house: House, state: State, name: str) -> tuple[bool, int]:
    """Return what is compared before the share: greater is served first."""
    until_s = state.loads[name].boost_until_s
    return (until_s is not None and state.at_s < until_s, house.loads[name].priority)


def in_order(house: House, state: State, names: Iterable[str]) -> list[str]:
    """Return loads in R5's order: boosted, priority, least share, ``order``."""
    names = list(names)
    if len(names) < 2:
        return names

    def key(name: str) -> tuple[bool, int, float, int]:
        is_boosted, priority = rank_class(house, state, name)
        return (not is_boosted, -priority, share(house, state, name), house.rank[name])

    return sorted(names, key=key)


def waiting(draft: Draft) -> list[str]:
    """Return the wanted loads that are off, may be switched and may be tried, claims first."""
    house, state = draft.house, draft.state
    names = [
        name
        for name in house.loads
        if name in state.wanted
        and not (ls := state.loads[name]).on
        and ((not ls.live and controllable(state, name)) or (ls.fault and _to_be_tried(draft, ls)))
    ]
    if not names:
        return names
    barred = [
        name
        for name, cs in state.circuits.items()
        if cs.blind or cs.suspect or not ready(house, state, name)
    ]
    if barred:
        names = [name for name in names if house.power_w[name].keys().isdisjoint(barred)]
    names = in_order(house, state, names)
    names.sort(key=lambda name: not state.loads[name].claim)
    return names


def _to_be_tried(draft: Draft, ls: LoadState) -> bool:
    """Return whether the time has come for a dead relay, which counts as on."""
    return ls.dead and ls.reconciled and draft.at_s >= ls.retry_s and ls.online is not False


def has_turn(state: State, name: str) -> bool:
    """Return whether others make room for a waiting load at a tick.

    They do for a dead relay, too: in a full house it would never be tried again. Each time in
    vain it waits ten minutes longer, an hour at most: somebody else pays for it with a switching.
    """
    ls = state.loads[name]
    if not ls.fault:
        return controllable(state, name)
    wait_s = DEAD_RETRY_S * (min(ls.vain, MOST_VAIN) - 1)
    return not ls.live and state.at_s >= ls.retry_s + wait_s


def accrue(draft: Draft) -> None:
    """Count served and wanted time up to now, as things were since the last step (R6).

    A load's time counts while a wanted load of its class on one of its circuits waits.
    """
    house, state = draft.house, draft.state
    passed_s = draft.at_s - state.accrued_s
    if passed_s <= 0.0:
        return
    since_s, state.accrued_s = state.accrued_s, draft.at_s
    loads, wanted, power_w = state.loads, state.wanted, house.power_w
    served: dict[tuple[bool, int], list[str]] = {}
    behind: dict[tuple[bool, int], list[str]] = {}
    for name, load in house.loads.items():
        if name in wanted and _obeys(ls := loads[name], since_s):
            of_class = (boosted(ls, since_s), load.priority)
            (served if ls.on else behind).setdefault(of_class, []).append(name)
    if not behind:
        return
    keep = exp(-passed_s / FORGET_S)
    shares = state.shares = state.shares.copy()
    for of_class, names in behind.items():
        for name in names:
            served_s, wanted_s = shares[name]
            shares[name] = Share(served_s * keep, wanted_s * keep + passed_s)
        contested = {circuit for name in names for circuit in power_w[name]}
        for name in served.get(of_class, ()):
            if not contested.isdisjoint(power_w[name]):
                served_s, wanted_s = shares[name]
                shares[name] = Share(served_s * keep + passed_s, wanted_s * keep + passed_s)
