"""A real Prometheus on a free port that looks at a service once a second."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.house_broker import PATIENCE_S, ROOT, until
from tests.machine import free_port, needed

RULES = ROOT / "deploy" / "prometheus" / "balancer.rules.yml"


class Prometheus:
    """Prometheus as a child process, with the delivered configuration but for the address."""

    def __init__(self, folder: Path, target_port: int) -> None:
        self._program = needed("prometheus")
        self._folder = folder
        self._port = free_port()
        delivered = (RULES.parent / "prometheus.yml").read_text()
        for there, here in (
            ("balancer:9842", f"127.0.0.1:{target_port}"),
            ("balancer.rules.yml", str(RULES)),
            ("_interval: 5s", "_interval: 1s"),
            ("scrape_timeout: 4s", "scrape_timeout: 1s"),
        ):
            assert there in delivered, there
            delivered = delivered.replace(there, here)
        (folder / "prometheus.yml").write_text(delivered)

    @contextmanager
    def running(self) -> "Iterator[Prometheus]":
        with (self._folder / "prometheus.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._folder}/prometheus.yml",
                    f"--storage.tsdb.path={self._folder}/data",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            until(lambda: self.scrapes() >= 4, "Prometheus has looked four times", 6 * PATIENCE_S)
            yield self
        finally:
            process.terminate()
            process.wait(PATIENCE_S)

    def scrapes(self) -> int:
        try:
            found = self.query("count_over_time(balancer_build_info[1m])")
        except OSError:
            return 0
        return int(found[0]["value"][1]) if found else 0

    def query(self, expression: str) -> list[Any]:
        """Return the series of an instant query; an unusable expression fails the test."""
        series: list[Any] = self._data("query", query=expression)["result"]
        return series

    def label_values(self, label: str, match: str) -> list[str]:
        found: list[str] = self._data(f"label/{label}/values", **{"match[]": match})
        return found

    def rules(self) -> dict[str, str]:
        """Return the health of each alert by its name."""
        groups = self._data("rules")["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    def _data(self, path: str, **parameters: str) -> Any:
        address = f"http://127.0.0.1:{self._port}/api/v1/{path}"
        question = f"{address}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(question, timeout=PATIENCE_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                raise
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
