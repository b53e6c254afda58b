"""The test stand: processes, a fast client of our own, figures."""

import argparse
import json
import math
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from balancer.service.packets import Received, Splitter, publish_packet
from balancer.wire import Message

ROOT = Path(__file__).resolve().parents[2]
LIMIT_W = 10_000.0
SAFE_RATIO = 1.3  # the default: a load's OFF is believed to relieve its rating divided by it
CALM = b"0"
PATIENCE_S = 15.0
TICKS = os.sysconf("SC_CLK_TCK")


def config(
    loads: int, port: int, *, name: str, qos: int = 0, others: int = 0, http_port: int = 0
) -> str:
    """Return a house whose loads can be shed and restored as fast as the rules allow."""
    lines = [
        f'name = "{name}"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[http]\nport = {http_port}',
        f"[circuits.main]\nlimit = {LIMIT_W}\nrestore_delay = 0\nsettle = 0\nhysteresis = 1",
        (
            f'meter = {{ type = "mqtt", topic = "{name}/meter", stale_after = "1 h",'
            f" qos = {qos}, max = 1000000 }}"
        ),
        "[zones.all]",
    ]
    for number in range(loads):
        lines.append(
            f'[loads.l{number}]\nzone = "all"\ncircuit = "main"\nmin_on = 0\nmin_off = 0\n'
            f"power = {heater_w(loads):.1f}\n"
            f'relay = {{ type = "mqtt", command_topic = "{name}/r{number}/set", on = "1",'
            f' off = "0", state_topic = "{name}/r{number}", qos = {qos} }}'
        )
        if number < others:
            lines.append(
                f'meter = {{ type = "mqtt", topic = "{name}/other/{number}", qos = {qos} }}'
            )
    return "\n".join([*lines, ""])


def heater_w(loads: int) -> float:
    """Return the rated power of each of so many loads."""
    return 0.9 * LIMIT_W / loads


def spike(loads: int, needed: int) -> bytes:
    """Return the reading at which so many of the loads have to go off."""
    return b"%.0f" % (LIMIT_W + (needed - 0.5) * heater_w(loads) / SAFE_RATIO)


class Client:
    """A blocking MQTT client that adds as little as it can.

    Args:
        port: Of the broker on this machine.
        topics: To subscribe, with their QoS.
    """

    def __init__(self, port: int, topics: dict[str, int], name: str = "bench") -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._splitter = Splitter(1 << 20)
        self._waiting: list[Received] = []
        self._next_id = 0
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name.encode()
        self._sock.sendall(bytes((0x10, len(body))) + body)
        self._until(0x20)
        for topic, qos in topics.items():
            body = b"\x00\x01" + len(topic).to_bytes(2, "big") + topic.encode() + bytes((qos,))
            self._sock.sendall(bytes((0x82, len(body))) + body)
            self._until(0x90)

    def _until(self, kind: int) -> None:
        other = bytearray()
        while not other or other[0] != kind:
            other.clear()
            self._read(PATIENCE_S, other)

    def _read(self, wait_s: float, other: bytearray) -> bool:
        if not select.select([self._sock], [], [], wait_s)[0]:
            return False
        data = self._sock.recv(65_536)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        assert data, "the broker hung up"
        received: list[Received] = []
        self._splitter.feed(data, received, [], other)
        acknowledged = [each.packet_id for each in received if each.packet_id is not None]
        if acknowledged:
            self._sock.sendall(
                b"".join(b"\x40\x02" + each.to_bytes(2, "big") for each in acknowledged)
            )
        self._waiting += received
        return True

    def publish(self, *messages: Message) -> None:
        """Send messages with one ``send``."""
        packets = []
        for message in messages:
            self._next_id = self._next_id % 30_000 + 1
            packets.append(publish_packet(message, self._next_id if message.qos else None))
        self._sock.sendall(b"".join(packets))

    def take(self, wait_s: float) -> list[Received]:
        """Return what has come, after waiting so long at most, in seconds."""
        until_s = time.monotonic() + wait_s
        while not self._waiting and (left_s := until_s - time.monotonic()) > 0.0:
            self._read(left_s, bytearray())  # it may be an acknowledgement only
        taken, self._waiting = self._waiting, []
        return taken

    def close(self) -> None:
        self._sock.close()


class Process:
    """A program under test."""

    def __init__(self, *command: str, log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command], stdout=output, stderr=output, cwd=ROOT
            )
        self.pid = self._process.pid

    @property
    def cpu_s(self) -> float:
        """Processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def resident_mib(self) -> float:
        """Memory that it holds now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024.0
        raise AssertionError(self.pid)

    def end(self) -> None:
        """Kill it."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def balancer(config: Path, log: Path) -> Process:
    """Start the service; it logs errors only."""
    command = ("-m", "balancer", "run", "--config", str(config), "--log-level", "error")
    return Process(*command, log=log)


@contextmanager
def processes() -> Iterator[list[Process]]:
    """End every process that is put into the list."""
    started: list[Process] = []
    try:
        yield started
    finally:
        for each in started:
            each.end()


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so many are not above; NaN of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows of equal keys as aligned text."""
    heads = list(rows[0])
    texts = [heads, *([_text(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[column]) for line in texts) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in texts
    )


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def bench_parser(about: str | None) -> argparse.ArgumentParser:
    """Return a parser that knows what every bench can be asked for."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="file to keep all figures in")
    parser.add_argument("--compare", type=Path, help="such a file of an earlier run")
    return parser


def conclude(
    name: str, rows: list[dict[str, Any]], keys: Iterable[str], asked: argparse.Namespace
) -> None:
    """Print the table, keep it, and compare it with an earlier one.

    Args:
        name: Of the bench.
        rows: Its figures.
        keys: What names a row.
        asked: What a ``bench_parser`` found.
    """
    print(table(rows))
    if asked.compare is not None:
        print(f"\nnow ÷ {asked.compare}")
        before = json.loads(asked.compare.read_text())["rows"]
        print(table(list(_ratios(rows, before, list(keys)))))
    if asked.json is not None:
        keep(asked.json, name, rows=rows)


def keep(path: Path, name: str, **figures: Any) -> None:
    """Write the figures of a bench to a file, with what made them."""
    document = {
        "bench": name,
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **figures,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def _ratios(
    now: list[dict[str, Any]], before: list[dict[str, Any]], keys: list[str]
) -> Iterator[dict[str, Any]]:
    earlier = {tuple(row[key] for key in keys): row for row in before}
    for row in now:
        old = earlier.get(tuple(row[key] for key in keys), {})
        yield {
            head: value if head in keys else _ratio(value, old.get(head))
            for head, value in row.items()
        }


def _ratio(now: object, before: object) -> object:
    if isinstance(now, int | float) and isinstance(before, int | float) and before:
        return float(now / before)
    return "-"
