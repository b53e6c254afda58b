"""Reading the configuration: the one way from config.toml to a Setup."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from balancer.config.build import build
from balancer.config.findings import Findings
from balancer.config.problems import ConfigError
from balancer.config.read import read_tables
from balancer.config.setup import Setup
from balancer.config.source import read_sources


def read_setup(
    path: Path, *, dry_run: bool | None = None, environ: Mapping[str, str] | None = None
) -> Setup:
    """Return the house of a configuration file.

    Args:
        path: config.toml.
        dry_run: Overrides file and environment (R17).
        environ: Environment variables; None: those of this process.

    Raises:
        ConfigError: With all problems; nothing of such a file is run.
    """
    findings = Findings()
    options: dict[str, Any] = {} if dry_run is None else {"dry_run": dry_run}
    if not read_sources(path, os.environ if environ is None else environ, options, findings):
        raise ConfigError(findings.problems, str(path))
    return _built(findings, path.parent, str(path))


def setup_of(document: Mapping[str, Any], folder: Path) -> Setup:
    """Return the house of a configuration that is at hand, without the environment.

    Args:
        document: As TOML gives it.
        folder: Where relative paths in it begin.

    Raises:
        ConfigError: With all problems.
    """
    findings = Findings()
    findings.raw = dict(document)
    return _built(findings, folder, "the document")


def _built(findings: Findings, folder: Path, name: str) -> Setup:
    setup = build(read_tables(findings), folder, findings)
    if setup is None:
        raise ConfigError(findings.problems, name)
    return setup
