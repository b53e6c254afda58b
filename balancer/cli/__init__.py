"""The command line."""

import sys
import traceback


def main() -> None:
    """Run ``balancer``; exit status 0 done, 1 failed while running, 2 wrong usage or file."""
    from balancer.cli.app import app  # noqa: PLC0415 - problems of importing it are reported too
    from balancer.config.problems import ConfigError  # noqa: PLC0415

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that cannot show "→" shows "?"
    try:
        app(prog_name="balancer")
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except Exception:  # noqa: BLE001 - the one place for what nobody expected
        sys.stderr.write(f"balancer failed; this is a mistake of ours\n{traceback.format_exc()}")
        sys.exit(1)
