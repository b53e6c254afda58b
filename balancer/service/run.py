"""The service as a process: signals, log, exit status."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import balancer
from balancer.config.setup import Setup
from balancer.service.logs import LogWriter, line
from balancer.service.service import EndpointBusyError, Service
from balancer.service.session import NETWORK_ERRORS

_LOGGER = logging.getLogger("balancer")
_SWITCH_S = 0.001  # a thread that renders metrics gives the loop its turn so soon
_THREADS_S = 0.2


def serve(
    setup: Setup,
    *,
    log_level: str = "info",
    log_format: str = "text",
    config_path: Path | None = None,
) -> int:
    """Run the service until SIGINT or SIGTERM.

    Args:
        setup: As read and checked.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
        config_path: Where the setup was read from, for the log.

    Returns:
        The exit status: 0 asked to stop, 1 failed.
    """
    writer = LogWriter(log_level, log_format)
    sys.setswitchinterval(_SWITCH_S)
    loop = asyncio.new_event_loop()
    status = 1
    try:
        status = loop.run_until_complete(_serve(setup, config_path))
    finally:
        loop.close()
        if not writer.close():
            os._exit(status)  # nobody reads standard error; an orderly end would wait for it
    _leave_threads(status)
    return status


async def _serve(setup: Setup, config_path: Path | None) -> int:
    house = setup.house
    _LOGGER.info(
        line(
            "starting",
            version=balancer.__version__,
            config=config_path or "none",
            house=house.name,
            loads=len(house.loads),
            dry_run=house.dry_run,
        )
    )
    for warning in setup.warnings:
        _LOGGER.warning(line("config", why=warning))
    service = Service(setup, hang_watch=True)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: _unhandled(service, context))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, service.stop)
    try:
        await service.run()
    except EndpointBusyError as error:
        _LOGGER.critical(line("http_port_busy", why=str(error)))
        return 1
    except ExceptionGroup as errors:
        _LOGGER.critical(
            line("internal_error", why="every load is told to go off"), exc_info=errors
        )
        return 1
    _LOGGER.info("stopped")
    return 0


def _unhandled(service: Service, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(error, NETWORK_ERRORS):
        _LOGGER.debug(line("unhandled", what=context.get("message"), why=str(error)))
        return
    _LOGGER.error(line("unhandled", what=context.get("message")), exc_info=error)
    if isinstance(error, Exception):
        service.fail(error)


def _leave_threads(status: int) -> None:
    """End even if a thread still waits for a name server."""
    until_s = time.monotonic() + _THREADS_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, until_s - time.monotonic()))
            if thread.is_alive():
                sys.stderr.flush()
                os._exit(status)
