"""``balancer demo``: an embedded broker, a simulated house, and the real service between them."""

import sys
from importlib.util import find_spec

NEEDED = {"amqtt": "the embedded broker", "rich": "the live view"}


def run_demo(speed: float, seconds: float | None) -> int:
    """Show the service at work until Ctrl-C, or for some time; return the exit status.

    Args:
        speed: How fast time goes in the house: weather, rooms, appliances of the day. The
            balancer, its devices and the kitchen live in real time.
        seconds: Real seconds after which it ends by itself; None: it goes on.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        what = " and ".join(f"{name} ({NEEDED[name]})" for name in missing)
        sys.stderr.write(
            f"The demo needs {what}. Install the extra: pip install 'power-balancer[demo]'\n"
        )
        return 1
    from balancer.cli.demo.show import Show

    return Show(speed=speed, seconds=seconds).run()
