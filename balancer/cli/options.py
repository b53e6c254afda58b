"""Options of commands that are carried out elsewhere; light to import."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateOptions:
    """What ``balancer simulate`` was asked for.

    Attributes:
        config: The house; None: the example house.
        trace: Non-heating power, as ``FILE`` or ``FILE:COLUMN``; ``household``, maybe with
            ``:`` and what it owns besides the usual, is made up; None: the shipped days.
        weather: Hourly temperatures; None: the shipped winter.
        days: Simulated days; None: 7, or as long as the trace.
        seed: Of everything that is random.
        faults: ``none``, ``all``, or ids of faults.md with commas between them.
        sweep: ``KEY=A..B``: the same for several values of a key of config.toml.
        json: Print one JSON object instead of tables.
        report: File for a report with plots.
        campaign: House-years with faults, one seed after the other; None: no campaign.
        jobs: Processes to spread a campaign or sweep over.
    """

    config: Path | None = None
    trace: str | None = None
    weather: Path | None = None
    days: float | None = None
    seed: int = 1
    faults: str = "none"
    sweep: str | None = None
    json: bool = False
    report: Path | None = None
    campaign: float | None = None
    jobs: int = 1
