"""Houses for the virtual world: a configuration as people write it, and what its devices do."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Self

from balancer.config.load import setup_of
from balancer.config.setup import Setup
from balancer.nesting import parse_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A house with its devices.

    Attributes:
        name: For people and for the command that replays it.
        document: Its configuration, as it stands in the file.
        folder: Where the file is, for paths in it.
        cadences: Name of the cadence (``meters.CADENCES``) by key path of the meter; else p1.
        power_on: What relays do after a blackout: off, on or previous.
    """

    name: str
    document: Mapping[str, Any]
    folder: Path = Path()
    cadences: Mapping[str, str] = field(default_factory=dict)
    power_on: str = "previous"

    @classmethod
    def of_file(cls, name: str, path: Path) -> Self:
        """Return the house of a config.toml, with usual devices."""
        document = parse_toml(path.read_text(encoding="utf-8-sig"))
        return cls(name=name, document=document, folder=path.parent)

    def setup(self) -> Setup:
        """Return what the balancer makes of the configuration.

        Raises:
            ConfigError: It is none.
        """
        return setup_of(self.document, self.folder)


def _shipped(
    name: str, cadences: Mapping[str, str] | None = None, *, power_on: str = "previous"
) -> Scenario:
    path = Path(str(resources.files("balancer.sim") / "houses" / f"{name}.toml"))
    return replace(Scenario.of_file(name, path), cadences=cadences or {}, power_on=power_on)


_PHASE_METERS = tuple(f"circuits.{name}.meter" for name in ("main", "l1", "l2", "l3"))
FLAT = _shipped("flat")
SEED = _shipped("seed", {"circuits.main.meter": "linky"})
PHASES = _shipped("phases", dict.fromkeys(_PHASE_METERS, "shelly"))
APPLIANCES = _shipped(
    "appliances",
    {
        "circuits.main.non_heating_meters[0]": "power_delta",
        "circuits.main.non_heating_meters[1]": "on_change",
    },
)
PILOT = _shipped(
    "pilot", {"circuits.main.meter": "shelly", "circuits.annex.meter": "shelly"}, power_on="off"
)
SURPLUS = _shipped("surplus", {"circuits.hall.available": "linky"}, power_on="off")
ALL = {scenario.name: scenario for scenario in (FLAT, SEED, PHASES, APPLIANCES, PILOT, SURPLUS)}
MADE_UP = "made_up"  # another house for every seed
