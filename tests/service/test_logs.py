"""Log lines: key=value, JSON, and never in the way."""

import io
import json
import logging
import threading

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


@pytest.mark.parametrize("text", ["", "=", 'a="', "a=[1,2]", "x=1 x=2", '{"a":1}', "a=b=c"])
def test_json_copes_with_any_text(text: str) -> None:
    assert isinstance(json.loads(written("json", "info", (logging.INFO, text))), dict)


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
    writer.close()
    assert 9_000 < output.getvalue().count("\n") < 20_000
