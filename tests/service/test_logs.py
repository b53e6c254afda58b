"""Log lines: key=value, JSON, and never in the way."""

import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from balancer.service.logs import LogWriter, line


def written(form: str, level: str = "info", *lines: tuple[int, str]) -> str:
    output = io.StringIO()
    writer = LogWriter(level, form, output)
    for number, text in lines:
        logging.getLogger("balancer").log(number, text)
    writer.close()
    return output.getvalue()


def test_values_with_spaces_are_quoted() -> None:
    text = line("shed", load="kitchen", why='over "it"', draw_w=1540.04, on=False, until=None)
    assert text == 'shed load=kitchen why="over \\"it\\"" draw_w=1540.04 on=false until=null'


def test_text_is_one_line_an_event() -> None:
    text = written("text", "info", (logging.INFO, "shed load=kitchen"), (logging.DEBUG, "reading"))
    assert text.endswith("Z INFO shed load=kitchen\n")
    assert text.count("\n") == 1


def test_json_has_the_same_fields_with_their_types() -> None:
    text = line("shed", load="kitchen", why="too much", draw_w=1540.5, on=False, until=None)
    document = json.loads(written("json", "info", (logging.WARNING, text)))
    assert document.pop("time").endswith("Z")
    assert document == {
        "level": "warning",
        "event": "shed",
        "load": "kitchen",
        "why": "too much",
        "draw_w": 1540.5,
        "on": False,
        "until": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=",
        'a="',
        "a=[1,2]",
        "x=1 x=2",
        '{"a":1}',
        "a=b=c",
        "a=" + 5000 * "[",
        "a=1e999",
        "a=NaN",
    ],
)
def test_json_copes_with_any_text(text: str) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    document = json.loads(written("json", "info", (logging.INFO, text)), parse_constant=refuse)
    assert isinstance(document, dict)


def test_full_pipe_stops_nobody() -> None:
    """A supervisor that does not read must not stop the shedding."""

    class Stuck(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.go_on = threading.Event()

        def write(self, text: str) -> int:
            self.go_on.wait(20.0)
            return super().write(text)

    output = Stuck()
    writer = LogWriter("info", "text", output)
    for number in range(20_000):  # more than wait at most; none of these may block
        logging.getLogger("balancer").info("line number=%d", number)
    output.go_on.set()
    assert writer.close()
    lines = output.getvalue().splitlines()
    assert 9_000 < len(lines) < 20_000
    # and it is said how many were lost
    lost = [int(each.rpartition("=")[2]) for each in lines if "WARNING log_lines_lost" in each]
    assert sum(lost) == 20_000 - (len(lines) - len(lost))


def test_full_pipe_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    """R16: whoever supervises us and does not read still gets status 0."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (tmp_path / "config.toml").write_text(
        f"[http]\nport = {port}\n[mqtt]\nport = 1\n[circuits.c]\nlimit = 9\n"
        'meter = { type = "mqtt", topic = "m" }\n[zones.z]\n[loads.l]\nzone = "z"\n'
        'circuit = "c"\npower = 1\nrelay = { type = "mqtt", command_topic = "r" }\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-c", "import balancer.cli; balancer.cli.main()", "run"],
        cwd=tmp_path,
        stderr=writer,
    )
    try:
        while process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20.0) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)
