"""The command line."""

import sys
from collections.abc import Callable

from balancer.cli.apart import Job, Take, run_apart
from balancer.config.problems import ConfigError


def main() -> None:
    """Run ``balancer``; exit status 0 done, 1 failed while running, 2 wrong usage or file."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that cannot show "→" shows "?"
    apart = sys.argv[1:2] == ["run"]
    sys.exit(_told(lambda: run_apart(_obey) if apart else _obey(Job.run)))


def _obey(take: Take) -> int:
    """Do what the command line says, and return the exit status.

    Args:
        take: Runs the service, if that is what was asked for.
    """

    def act() -> int:
        from balancer.cli.app import app

        try:
            app(prog_name="balancer", obj=take)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        return 0

    return _told(act)


def _told(act: Callable[[], int]) -> int:
    """Return the exit status of what is done; tell what is wrong, here or in a child.

    Python itself tells what nobody expected, with a traceback, and ends with status 1.
    """
    try:
        return act()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 1
