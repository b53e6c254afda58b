"""The Grafana dashboard is whole, and every query on it has data on a real house."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from balancer.core.commands import Reason
from tests.deploy.house_broker import ROOT, Broker, until
from tests.deploy.house_prometheus import Prometheus
from tests.deploy.house_service import everything
from tests.deploy.metric_names import known, used

FOLDER = ROOT / "deploy" / "grafana"
PANELS = {"row", "stat", "gauge", "bargauge", "timeseries", "state-timeline", "table"}
QUESTIONS = (
    "Does it hold?",
    "Is every room served?",
    "Why was it off?",
    "Do relays wear?",
)


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboards" / "balancer.json").read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Return all panels but the rows."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def variables() -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard()["templating"]["list"]}


def expressions() -> list[tuple[str, str]]:
    """Return each query with the title of its panel."""
    return [(panel["title"], each["expr"]) for panel in panels() for each in panel["targets"]]


def test_every_panel_has_a_question_of_its_own_and_lies_beside_the_others() -> None:
    found = dashboard()["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    assert {panel["type"] for panel in found} <= PANELS
    for one, other in combinations(found, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    for panel in found:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
    for panel in panels():
        assert panel["description"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert references, panel["title"]
        assert len(set(references)) == len(references), panel["title"]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_rows_are_the_questions_of_the_users() -> None:
    rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert set(QUESTIONS) <= set(rows)


def test_queries_use_variables_that_exist_and_metrics_that_the_service_has() -> None:
    names = set(variables()) | {"__range", "__range_s", "__rate_interval"}
    for title, expression in expressions():
        assert set(re.findall(r"\$(\w+)", expression)) <= names, title
    assert used(expression for _, expression in expressions()) <= known()
    assert {"house", "circuit", "load"} <= set(variables())


def test_data_come_from_the_prometheus_that_is_provisioned() -> None:
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert variables()["datasource"]["query"] == "prometheus"
    provisioned = yaml.safe_load(
        (FOLDER / "provisioning" / "datasources" / "prometheus.yml").read_text()
    )
    assert [source["type"] for source in provisioned["datasources"]] == ["prometheus"]


def test_every_reason_has_its_word_and_colour() -> None:
    timeline = next(panel for panel in panels() if panel["title"] == "Reasons")
    named = re.findall(r'reason="(\w+)"\}(?: \* (\d+))?', timeline["targets"][0]["expr"])
    numbers = {reason: number or "1" for reason, number in named}
    assert set(numbers) == {reason.value for reason in Reason}
    shown = timeline["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert set(shown) == set(numbers.values())


@pytest.fixture(scope="module")
def prometheus(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus beside a real service, after an evening with an overload."""
    folder: Path = tmp_path_factory.mktemp("house")
    with (
        everything(broker, folder) as (service, appliances, homeassistant),
        Prometheus(folder, service.http_port).running() as running,
    ):
        for zone in ("lounge", "bathroom"):
            homeassistant.publish(f"balancer/house/zone/{zone}/set", "ON")
        until(lambda: all(appliances.on.values()), "both relays are on")
        appliances.other_w = 4500.0
        until(lambda: not appliances.on["radiator"], "the radiator is shed")
        shed = 'balancer_sheds_total{cause="overload"} > 0'
        until(lambda: running.query(shed), "Prometheus has seen the shed")
        before = running.scrapes()
        until(lambda: running.scrapes() >= before + 3, "three more looks")
        yield running


def filled_in(expression: str) -> str:
    """Return a query as Grafana sends it with everything selected."""
    values = {"__range": "5m", "__range_s": "300", "__rate_interval": "1m"}
    return re.sub(r"\$(\w+)", lambda match: values.get(match[1], ".*"), expression)


def test_every_query_has_data_on_a_real_house(prometheus: Prometheus) -> None:
    empty = [
        (title, expression)
        for title, expression in expressions()
        if not prometheus.query(filled_in(expression))
    ]
    assert not empty


def test_variables_offer_the_house_its_circuit_and_its_loads(prometheus: Prometheus) -> None:
    offered = {}
    for name in ("house", "circuit", "load"):
        query = filled_in(variables()[name]["query"]["query"])
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert match, query
        offered[name] = prometheus.label_values(match[2], match[1])
    assert offered == {"house": ["house"], "circuit": ["main"], "load": ["radiator", "towels"]}


def test_rules_are_healthy_on_a_real_house(prometheus: Prometheus) -> None:
    assert set(prometheus.rules().values()) == {"ok"}
