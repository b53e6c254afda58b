"""``balancer run``: its options and the configuration, read and checked."""

from pathlib import Path

from balancer.cli.apart import Job
from balancer.config.load import read_setup


def read_job(config: Path, *, dry_run: bool, log_level: str, log_format: str) -> Job:
    """Return what the service shall do.

    Args:
        config: config.toml.
        dry_run: Decide and show, but switch nothing, whatever the file says (R17).
        log_level: See ``Job``.
        log_format: See ``Job``.

    Raises:
        ConfigError: With all problems of the file.
    """
    setup = read_setup(config, dry_run=True if dry_run else None)
    return Job(setup=setup, log_level=log_level, log_format=log_format, config=config)
