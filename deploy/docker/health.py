#!/usr/bin/env python3
"""Exit 0 if the balancer answers, whatever it says; 1 if it does not.

A 503 of /healthz means that it is not connected, blind, starting or standing by. Restarting it
would not help, and would switch all heaters off.
"""

import http.client
import os
import sys


def main() -> int:
    """Ask /healthz on this machine; return the exit status."""
    port = int(os.environ.get("BALANCER_HTTP__PORT", "9842"))
    if port == 0:  # switched off: nothing to ask
        return 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz")
        return 0 if connection.getresponse().status in {200, 503} else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
