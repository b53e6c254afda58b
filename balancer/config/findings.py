"""The problems found so far, and which parts of the file they make unreadable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from balancer.config.problems import KeyPath, Problem, key_path, shown

_NOT_THERE = 1_000_000  # a key that is not in the file stands behind those that are


_SECRETS = ("pass", "secret")  # in keys whose values are never shown, wherever they stand


@dataclass(frozen=True, slots=True)
class _Found:
    where: KeyPath
    spoilt: KeyPath | None
    problem: Problem


@dataclass(slots=True)
class Findings:
    """What is wrong, or only odd.

    Attributes:
        raw: File, environment and options merged; tells the order of problems.
        origins: Environment variable by the key path that it sets.
        warnings: Sentences; nothing is wrong.
    """

    raw: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[KeyPath, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _found: list[_Found] = field(default_factory=list)

    def add(
        self, path: KeyPath, what: str, allowed: str, fix: str = "", *, key: str | None = None
    ) -> None:
        """Note a problem, unless that place or a table around it has one already.

        Args:
            path: The value that nobody looks at any more.
            what: What was found.
            allowed: What may stand there.
            fix: An edit that helps.
            key: The key in the table at ``path`` that is to blame.
        """
        if not self.spoilt(path):
            self._note(path if key is None else (*path, key), path, what, allowed, fix)

    def add_name(self, path: KeyPath, what: str, allowed: str, fix: str) -> None:
        """Note a problem with a name; what it names is still looked at."""
        self._note(path, None, what, allowed, fix)

    def add_missing(self, path: KeyPath, allowed: str, fix: str) -> None:
        """Note that a key is missing, unless what is there has a problem of its own."""
        if not self.within(path):
            self.add(path, "it is missing", allowed, fix)

    def add_elsewhere(self, where: str, what: str, allowed: str, fix: str) -> None:
        """Note a problem that is at no key of the file; it stands first."""
        self._found.append(_Found((), None, Problem(where, what, allowed, fix)))

    def spoilt(self, path: KeyPath) -> bool:
        """Return whether there is a problem at a key path or with a table around it."""
        return any(
            each.spoilt is not None and path[: len(each.spoilt)] == each.spoilt
            for each in self._found
        )

    def within(self, path: KeyPath) -> bool:
        """Return whether there is a problem at a key path or in the table there."""
        return any(each.where[: len(path)] == path for each in self._found)

    def names(self, group: str) -> list[str] | None:
        """Return the names of circuits, zones or loads, readable or not; None: nobody knows."""
        tables = self.raw.get(group, {})
        return list(tables) if isinstance(tables, Mapping) else None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems in the order of the file."""
        ordered = sorted(self._found, key=lambda each: self._rank(each.where))
        return tuple(dict.fromkeys(each.problem for each in ordered))

    def _note(
        self, where: KeyPath, spoilt: KeyPath | None, what: str, allowed: str, fix: str
    ) -> None:
        origin = self._origin(where)
        if origin is not None:
            what = f"{what} (from {origin})"
        secret = self._secret(where)
        if secret is not None:
            what = what.replace(shown(secret), "what stands there")
        problem = Problem(key_path(where), what, allowed, fix)
        self._found.append(_Found(where, spoilt, problem))

    def _secret(self, path: KeyPath) -> Any:
        """Return the value of a key that sounds like a secret; it may stand in a wrong table."""
        key = str(path[-1]).lower() if path else ""
        if key.endswith("_file") or not any(each in key for each in _SECRETS):
            return None
        node: Any = self.raw
        for step in path:
            if not isinstance(node, Mapping) or step not in node:
                return None
            node = node[step]
        return node

    def _rank(self, path: KeyPath) -> list[int]:
        rank: list[int] = []
        node: Any = self.raw
        for step in path:
            if isinstance(node, Mapping) and step in node:
                rank.append(list(node).index(step))
                node = node[step]
            elif isinstance(node, list) and isinstance(step, int) and step < len(node):
                rank.append(step)
                node = node[step]
            else:
                rank.append(_NOT_THERE)
                node = None
        return rank

    def _origin(self, path: KeyPath) -> str | None:
        """Return the variable that set the value or made the table around it."""
        for given, variable in self.origins.items():
            if path[: len(given)] == given:
                return variable
        return None
