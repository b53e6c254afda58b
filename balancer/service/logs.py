"""Log lines on standard error: one an event, key=value or JSON; a full pipe stops nobody."""

import contextlib
import json
import logging
import logging.handlers
import math
import queue
import re
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

_WAITING_LINES = 10_000
_PATIENCE_S = 1.0
_FIELD = re.compile(r'([A-Za-z_][\w.]*)=("(?:[^"\\]|\\.)*"|\S*)')
_PLAIN = re.compile(r"[^\s\"=]+")


def line(event: str, **fields: object) -> str:
    """Return ``event key=value …``; values with spaces are quoted as in JSON."""
    return " ".join([event, *(f"{key}={_word(value)}" for key, value in fields.items())])


def _word(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = f"{_time(record)} {record.levelname} {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        document: dict[str, object] = {"time": _time(record), "level": record.levelname.lower()}
        event = _FIELD.sub("", message).split()
        if event:
            document["event"] = " ".join(event)
        for key, word in _FIELD.findall(message):
            document.setdefault(key, _unword(word))
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


def _unword(word: str) -> object:
    if word.startswith(("[", "{")):
        return word  # somebody else's, of whatever depth
    try:
        value: object = json.loads(word)
    except ValueError:
        return word
    return word if isinstance(value, float) and not math.isfinite(value) else value


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Lines(logging.handlers.QueueHandler):
    """Hands lines to the thread that writes; if that is stuck, the newest are lost."""

    lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # the writer formats it; our arguments do not change


class LogWriter:
    """Writes the lines of the logger ``balancer`` until closed."""

    def __init__(self, level: str, form: str, to: TextIO | None = None) -> None:
        """Begin.

        Args:
            level: ``debug``, ``info``, ``warning`` or ``error``.
            form: ``text`` or ``json``.
            to: Standard error if None.
        """
        self._output = logging.StreamHandler(sys.stderr if to is None else to)
        self._output.setFormatter(_Json() if form == "json" else _Text())
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(_WAITING_LINES)
        self._handler = _Lines(self._waiting)
        self._logger = logging.getLogger("balancer")
        self._logger.setLevel(level.upper())
        self._logger.propagate = False
        self._logger.addHandler(self._handler)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def close(self) -> bool:
        """Write what is left, unless nobody takes it.

        Returns:
            Whether it is written. If not, the thread that tries holds locks which an orderly
            end of the process would wait for.
        """
        self._logger.removeHandler(self._handler)
        self._logger.propagate = True
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_PATIENCE_S)
        self._thread.join(_PATIENCE_S)
        return not self._thread.is_alive()

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._output.handle(record)
            if self._handler.lost:
                lost, self._handler.lost = self._handler.lost, 0
                said = {"levelname": "WARNING", "msg": line("log_lines_lost", count=lost)}
                self._output.handle(logging.makeLogRecord(said))
