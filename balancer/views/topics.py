"""Names of the balancer's own topics (design: Topics). ``B`` is base topic/house name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics under ``B``."""

    base: str
    house: str

    @property
    def root(self) -> str:
        return f"{self.base}/{self.house}"

    @property
    def availability(self) -> str:
        return f"{self.root}/availability"

    @property
    def status(self) -> str:
        return f"{self.root}/status"

    @property
    def event(self) -> str:
        return f"{self.root}/event"

    @property
    def heartbeat(self) -> str:
        return f"{self.root}/heartbeat"

    @property
    def away(self) -> str:
        return f"{self.root}/away"

    @property
    def rotate(self) -> str:
        return f"{self.root}/rotate"

    def zone(self, zone: str) -> str:
        return f"{self.root}/zone/{zone}"

    def load_state(self, load: str) -> str:
        return f"{self.root}/load/{load}/state"

    def boost(self, load: str) -> str:
        return f"{self.root}/load/{load}/boost"

    def mode(self, circuit: str) -> str:
        return f"{self.root}/circuit/{circuit}/mode"

    def limit(self, circuit: str) -> str:
        return f"{self.root}/circuit/{circuit}/limit"


def setter(topic: str) -> str:
    """Return the topic on which a state topic is commanded."""
    return f"{topic}/set"
