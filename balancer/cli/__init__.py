"""The command line."""

import sys
import traceback

from balancer.cli.apart import Job, Take, run_apart
from balancer.config.problems import ConfigError


def main() -> None:
    """Run ``balancer``; exit status 0 done, 1 failed while running, 2 wrong usage or file."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that cannot show "→" shows "?"
    try:
        status = run_apart(_obey) if sys.argv[1:2] == ["run"] else _obey(Job.run)
    except KeyboardInterrupt:
        status = 1
    except Exception:  # noqa: BLE001 - the one place for what nobody expected
        status = _tell_failure()
    sys.exit(status)


def _obey(take: Take) -> int:
    """Do what the command line says, and return the exit status.

    Args:
        take: Runs the service, if that is what was asked for.
    """
    from balancer.cli.app import app

    try:
        app(prog_name="balancer", obj=take)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except Exception:  # noqa: BLE001 - as above; a child must tell it itself
        return _tell_failure()
    return 0


def _tell_failure() -> int:
    sys.stderr.write(f"balancer failed; this is a mistake of ours\n{traceback.format_exc()}")
    return 1
