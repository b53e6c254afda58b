"""The balancer does its work on the delivered broker, and says clearly why it cannot come in."""

import signal
import time
from pathlib import Path

import pytest

from tests.deploy.house_broker import Access, Broker, until
from tests.deploy.house_service import Service, everything


def test_house_is_heated_and_shed_with_exactly_the_rights_of_the_acl(
    own_broker: Broker, tmp_path: Path
) -> None:
    with everything(own_broker, tmp_path) as (_, appliances, homeassistant):
        # given two rooms that Home Assistant asks to heat
        for zone in ("lounge", "bathroom"):
            homeassistant.publish(f"balancer/house/zone/{zone}/set", "ON")
        until(lambda: all(appliances.on.values()), "both relays are on")
        # when the oven takes more than the rest of the limit
        appliances.other_w = 4500.0
        # then heaters go off until it fits
        until(lambda: not appliances.on["radiator"], "the larger one is shed")
        # and everything that it says arrives
        heard = {topic for topic, _ in homeassistant.heard}
        own = {"status", "event", "heartbeat", "away", "zone/lounge", "load/towels/boost"}
        own |= {"load/radiator/state", "circuit/main/mode", "circuit/main/limit"}
        assert {f"balancer/house/{topic}" for topic in own} <= heard
        # with its entities for Home Assistant
        homeassistant.subscribe("homeassistant/#")
        until(
            lambda: "homeassistant/device/balancer_house/config" in dict(homeassistant.heard),
            "discovery",
        )


def test_power_cut_keeps_what_people_asked_for(own_broker: Broker, tmp_path: Path) -> None:
    """R15, with the broker's memory saved every thirty changes."""
    # given a house in which everybody is away
    with everything(own_broker, tmp_path) as (service, _, homeassistant):
        homeassistant.publish("balancer/house/away/set", "ON")
        homeassistant.waits_for("balancer/house/away", "ON")
        # and time in which things changed
        with own_broker.person("observer") as observer:
            for number in range(30):
                observer.publish("observer/other", str(number), retain=True)
        # when the power fails
        own_broker.end(signal.SIGKILL)
        service.end(signal.SIGKILL)
    # and comes back
    own_broker.start()
    with everything(own_broker, tmp_path) as (_, _, homeassistant):
        # then they are still away
        homeassistant.waits_for("balancer/house/away", "ON")
        assert ("balancer/house/away", b"OFF") not in homeassistant.heard


def test_certificate_is_all_that_the_service_needs(own_broker: Broker, tmp_path: Path) -> None:
    certificate = own_broker.access.certificate("balancer")
    with Service(tmp_path, with_certificate(own_broker, certificate)).running() as service:
        until(service.says_connected, "connected by certificate")


def with_certificate(broker: Broker, certificate: Path) -> str:
    ca = broker.folder / "certs" / "ca.crt"
    key = certificate.with_suffix(".key")
    files = f'ca = "{ca}", certificate = "{certificate}", key = "{key}"'
    return f"port = {broker.certificate}\ntls = {{ {files} }}\n"


def wrong_password(broker: Broker, folder: Path) -> str:
    (folder / "wrong").write_text("wrong")
    return f'port = {broker.plain}\nusername = "balancer"\npassword_file = "{folder}/wrong"\n'


def expired_certificate(broker: Broker, _: Path) -> str:
    return with_certificate(broker, Access(broker.folder, days=-1).certificate("balancer"))


def expired_broker(broker: Broker, folder: Path) -> str:
    mqtt = with_certificate(broker, broker.access.certificate("balancer"))
    broker.end()
    Access(broker.folder, days=-1).server([])
    broker.start()
    return mqtt


def strange_broker(broker: Broker, folder: Path) -> str:
    other = Access(folder / "other")
    other.create([])
    mine = with_certificate(broker, broker.access.certificate("balancer"))
    return mine.replace(f"{broker.folder}/certs/ca.crt", f"{folder}/other/certs/ca.crt")


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (wrong_password, "refuses user 'balancer'; check mqtt.username and mqtt.password"),
        (expired_certificate, "refuses our certificate: .*certificate expired"),
        (expired_broker, "certificate has expired"),
        (strange_broker, "unable to get local issuer|self.signed certificate"),
    ],
)
def test_who_is_not_let_in_says_why_and_does_not_hammer(
    own_broker: Broker, tmp_path: Path, mistake: object, said: str
) -> None:
    assert callable(mistake)
    with Service(tmp_path, mistake(own_broker, tmp_path)).running() as service:
        # when it is refused for the first time
        until(lambda: service.says(said), f"{said}: {service.log}")
        # (the broker may not have written that one yet)
        first_s, before = time.monotonic(), max(1, own_broker.refusals())
        # and again and again
        until(lambda: own_broker.refusals() >= before + 3, "it goes on trying")
        # then the waits grow: 0.2, 0.4, 0.8 s, a fifth less at least
        assert time.monotonic() - first_s > 0.8
        # and the process lives on, not connected
        assert not service.says_connected()
        assert "Traceback" not in service.log
