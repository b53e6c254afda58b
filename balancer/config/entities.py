"""What Home Assistant cannot take: its discovery on our topics, entity ids twice or too long."""

from balancer.config.findings import Findings
from balancer.config.problems import shown
from balancer.config.schema import Config
from balancer.core.model import House
from balancer.views.homeassistant import entity_ids
from balancer.views.topics import Topics

_LONGEST_ID = 255  # Home Assistant, MAX_LENGTH_STATE_ENTITY_ID: it cuts what is longer


def check_prefix(config: Config, topics: Topics, findings: Findings) -> None:
    """Note a discovery prefix among our own topics: our status would be its birth message."""
    prefix = config.homeassistant.prefix
    if config.homeassistant.discovery and f"{prefix}/".startswith(f"{topics.root}/"):
        findings.add(
            ("homeassistant", "prefix"),
            f"{shown(prefix)} is the balancer's own",
            f"a topic outside of {topics.root}",
            'prefix = "homeassistant"',
        )


def check_entities(house: House, config: Config, topics: Topics, findings: Findings) -> None:
    """Note names of which Home Assistant would make other entities than we announce.

    Of two equal entity ids the second gets a number, which one that is depends on who comes
    first; thermostats and dashboards name them.
    """
    if not config.homeassistant.discovery:
        return
    owners: dict[str, str] = {}
    for group, name, entity_id in entity_ids(house, topics):
        other = owners.setdefault(entity_id, name)
        if other != name:
            findings.add_name(
                (group, name),
                f"Home Assistant cannot tell it from {group}.{other}",
                "names that differ in more than case, _ and -",
                f"give one of them another name, such as {name}_2",
            )
        elif len(entity_id) > _LONGEST_ID:
            findings.add_name(
                (group, name),
                f"its entities in Home Assistant have ids of more than {_LONGEST_ID} characters",
                "shorter names, together with mqtt.base_topic and name",
                "shorten the longest of them",
            )
