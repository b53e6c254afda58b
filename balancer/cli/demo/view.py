"""What a demo looks like in a terminal: one calm page, drawn from what the balancer publishes."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from balancer.core.model import House

BAR = 60
EVENTS = 6
WATTS = 1000.0

REASONS = {
    "fault": ("does not obey", "bold red"),
    "unavailable": ("unreachable", "red"),
    "starting": ("starting", "dim"),
    "away": ("away", "blue"),
    "blind": ("meter silent", "bold red"),
    "boosted": ("boosted", "bold green"),
    "serving": ("heating", "green"),
    "min_on": ("a little longer", "green"),
    "idle": ("warm enough", "dim"),
    "min_off": ("resting", "yellow"),
    "mode": ("saving mode", "blue"),
    "shed": ("shed", "bold yellow"),
    "waiting": ("waiting its turn", "yellow"),
}
CAUSES = {
    "overload": ("overload", "bold yellow"),
    "unconfirmed": ("no answer", "red"),
    "request": ("thermostat", "cyan"),
    "boost": ("boost", "green"),
    "rotation": ("next turn", "cyan"),
    "restore": ("power is back", "green"),
    "away": ("away", "blue"),
    "mode": ("saving mode", "blue"),
    "limit": ("new limit", "magenta"),
    "blind": ("meter silent", "bold red"),
    "reconcile": ("tidying up", "dim"),
    "foreign": ("put right", "magenta"),
    "retry": ("once more", "dim"),
    "stop": ("stopping", "dim"),
}


class Events:
    """The last decisions, as the balancer told them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.kept: deque[tuple[str, str, list[tuple[str, bool]]]] = deque(maxlen=EVENTS)

    def add(self, event: Mapping[str, Any]) -> str:
        """Keep an event; return it as a line without colours."""
        loads = self._house.loads
        moved = [
            (loads[each["load"]].title or each["load"], bool(each["on"]))
            for each in event["commands"]
        ]
        at = datetime.fromisoformat(event["time"]).astimezone().strftime("%H:%M:%S")
        self.kept.append((at, event["cause"], moved))
        return f"{at}  {CAUSES[event['cause']][0]:<14} {_moved_text(moved).plain}"


def page(
    house: House,
    status: Mapping[str, Any] | None,
    shown: Mapping[str, Any],
    events: Events,
    *,
    port: int,
    ran_s: float,
    tripped: bool,
    width: int = 100,
    height: int = 40,
) -> RenderableType:
    """Return the whole page.

    Args:
        house: The configured house.
        status: The last status JSON; None before the first.
        shown: What the simulated house shows of itself.
        events: The last decisions.
        port: Of the broker.
        ran_s: Real seconds since the beginning.
        tripped: The breaker is open.
        width: Of the terminal, in characters.
        height: Of the terminal, in lines.
    """
    parts: list[RenderableType] = [_title(shown, ran_s)]
    if status is None:
        parts.append(Text("\n  the balancer is starting …", style="dim"))
        return Group(*parts)
    parts.append(Padding(_circuit(status, shown, tripped=tripped, width=width), (1, 0, 0, 2)))
    parts.append(Padding(_loads(house, status, shown, wide=width >= 92), (1, 0, 0, 1)))
    left = height - 2 - 5 - len(house.loads) - 2
    if left >= 4:
        parts.append(Padding(_decisions(events, min(EVENTS, left - 3)), (1, 0, 0, 2)))
        left -= 2 + min(EVENTS, left - 3)
    if left >= 6:
        parts.append(Padding(_join(port), (1, 0, 0, 2)))
    return Group(*parts)


def _title(shown: Mapping[str, Any], ran_s: float) -> Text:
    hours, rest = divmod(int(shown["day_s"]), 3600)
    text = Text()
    text.append("  balancer demo", style="bold")
    text.append(
        f"   {hours:02d}:{rest // 60:02d} in the house, {shown['outside_c']:.0f} °C outside"
    )
    text.append(f"   running for {_duration(ran_s)}   Ctrl-C ends", style="dim")
    return text


def _circuit(
    status: Mapping[str, Any], shown: Mapping[str, Any], *, tripped: bool, width: int
) -> RenderableType:
    circuit = status["circuits"]["main"]
    unit, limit = circuit["unit"], circuit["limit"]
    meter = circuit["meter"]
    per_unit = shown["watts_per_unit"]
    if tripped:
        return Text("THE BREAKER HAS TRIPPED: the house is dark for a moment", style="bold red")
    if meter is None:
        return Text("waiting for the meter …", style="dim")
    meter = shown["power_w"] / per_unit  # the copper itself: the status is up to 5 s old
    heating = shown["heating_w"] / per_unit
    other = max(0.0, meter - heating)
    cells = min(BAR, max(20, width - 36))
    scale = cells / (1.25 * limit)
    edge = round(limit * scale)
    bar = Text()
    other_cells = round(other * scale)
    heat_cells = round(meter * scale) - other_cells
    for cell in range(cells):
        over = cell >= edge
        if cell < other_cells:
            bar.append("█", style="red" if over else "blue")
        elif cell < other_cells + heat_cells:
            bar.append("█", style="bold red" if over else "green")
        elif cell == edge:
            bar.append("│", style="bold")
        else:
            bar.append("·", style="dim")
    head = Text()
    over = meter > limit
    head.append(f"{meter:5.1f} {unit}", style="bold red" if over else "bold")
    head.append(f" of {limit:g} {unit}    ")
    head.append("■ ", style="blue")
    head.append(f"house {other:.1f}   ")
    head.append("■ ", style="green")
    head.append(f"heating {heating:.1f}   ")
    available = circuit["available"]
    if available is not None:
        head.append(f"available for heating {max(0.0, available):.1f}", style="cyan")
    foot = Text()
    for name, (on, drawing, watts) in shown["appliances"].items():
        foot.append("● " if drawing else "○ ", style="red" if drawing else "dim")
        foot.append(f"{name} ", style="" if on else "dim")
        foot.append(f"{watts / WATTS:.1f} kW   ", style="" if drawing else "dim")
    return Group(head, bar, foot)


def _loads(
    house: House, status: Mapping[str, Any], shown: Mapping[str, Any], *, wide: bool
) -> RenderableType:
    unit = status["circuits"]["main"]["unit"]
    table = Table(box=None, padding=(0, 1), show_header=True, header_style="dim")
    table.add_column("")
    table.add_column("heater", no_wrap=True, min_width=15)
    table.add_column("", no_wrap=True, min_width=16)
    table.add_column("until", no_wrap=True, min_width=6, justify="right")
    table.add_column("takes", no_wrap=True, min_width=7, justify="right")
    table.add_column("room", no_wrap=True, min_width=13, justify="right")
    if wide:
        table.add_column("share", no_wrap=True, min_width=15)
        table.add_column("clicks", justify="right")
    now = datetime.now(UTC)
    for name, load in house.loads.items():
        seen = status["loads"][name]
        word, style = REASONS[seen["reason"]]
        air_c, set_c = shown["rooms"][load.zone]
        on = bool(seen["relay"] if seen["relay"] is not None else seen["on"])
        draw = seen["draw"] if on else 0.0
        row: list[RenderableType] = [
            Text("●" if on else "○", style="green" if on else "dim"),
            Text(load.title or name, style="bold" if on else ""),
            Text(word, style=style),
            Text(_left(seen["until"], now), style="dim"),
            Text(f"{draw:.1f} {unit}" if on else "-", style="" if on else "dim"),
            Text(f"{air_c:.1f} of {set_c:.1f} °C", style="" if air_c >= set_c - 0.5 else "cyan"),
        ]
        if wide:
            share = max(0.0, min(1.0, seen["share"] or 0.0))
            row.append(_share(share))
            row.append(Text(str(seen["switches"]), style="dim"))
        table.add_row(*row)
    return table


def _share(share: float) -> Text:
    text = Text()
    full = round(share * 8)
    text.append("▪" * full, style="green")
    text.append("▪" * (8 - full), style="bright_black")
    text.append(f" {share:4.0%}", style="dim")
    return text


def _decisions(events: Events, number: int) -> RenderableType:
    text = Text("decisions\n", style="dim")
    kept = list(events.kept)[-number:]
    for index in range(number):
        if index < len(kept):
            at, cause, moved = kept[index]
            word, style = CAUSES[cause]
            text.append(f"{at}  ", style="dim")
            text.append(f"{word:<14} ", style=style)
            text.append_text(_moved_text(moved))
        if index < number - 1:
            text.append("\n")
    text.no_wrap = True
    text.overflow = "ellipsis"
    return text


def _moved_text(moved: list[tuple[str, bool]]) -> Text:
    text = Text()
    for on in (False, True):
        names = [title for title, went_on in moved if went_on is on]
        if names:
            text.append("  " if text else "")
            text.append("on: " if on else "off: ", style="green" if on else "yellow")
            text.append(" · ".join(names))
    return text


def _join(port: int) -> RenderableType:
    return Text("join in from another terminal\n", style="dim") + Text(
        "\n".join(commands(port)), style="dim cyan"
    )


def commands(port: int) -> list[str]:
    """Return what people may type in another terminal."""
    return [
        f"mosquitto_sub -p {port} -v -t 'balancer/#'",
        f"mosquitto_pub -p {port} -q 1 -t home/oven/set -m ON",
        f"mosquitto_pub -p {port} -q 1 -t balancer/demo/load/towels/boost/set -m ON",
        f"mosquitto_pub -p {port} -q 1 -t balancer/demo/away/set -m ON      (OFF: home again)",
    ]


def line(house: House, status: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    """Return one line for a terminal that is none."""
    circuit = status["circuits"]["main"]
    meter = circuit["meter"]
    on = [
        load.title or name for name, load in house.loads.items() if status["loads"][name]["relay"]
    ]
    cooking = [name for name, (_, drawing, _w) in shown["appliances"].items() if drawing]
    power = "-" if meter is None else f"{meter:.1f}"
    return (
        f"{power} of {circuit['limit']:g} {circuit['unit']}"
        f"  heating: {' · '.join(on) or 'none'}"
        + (f"  kitchen: {' · '.join(cooking)}" if cooking else "")
    )


def _left(until: str | None, now: datetime) -> str:
    if until is None:
        return ""
    seconds = (datetime.fromisoformat(until) - now).total_seconds()
    return "" if seconds <= 0.0 else _duration(seconds)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}:{whole % 60:02d}"
