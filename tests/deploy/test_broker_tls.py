"""The broker lets in who belongs to the house, encrypted, and says why it refuses others."""

import re
import socket
import ssl
from pathlib import Path

import pytest

from tests.deploy.house_broker import Access, Broker, RefusedError, until


def test_password_over_tls_lets_a_user_do_its_work(broker: Broker) -> None:
    with broker.over_tls("viewer") as viewer, broker.over_tls("balancer") as balancer:
        viewer.subscribe("balancer/house/status")
        balancer.publish("balancer/house/status", "{}")
        viewer.waits_for("balancer/house/status", "{}")


def test_client_certificate_stands_for_the_user_of_its_common_name(broker: Broker) -> None:
    # given a viewer and the balancer with certificates and no password
    viewer_crt = broker.access.certificate("viewer")
    balancer_crt = broker.access.certificate("balancer")
    with (
        broker.over_tls("viewer", certificate=viewer_crt) as viewer,
        broker.over_tls("balancer", certificate=balancer_crt) as balancer,
    ):
        viewer.subscribe("#")
        # when the viewer tries to write and the balancer does
        viewer.publish("balancer/house/away/set", "ON")
        balancer.publish("balancer/house/status", "from the balancer")
        viewer.waits_for("balancer/house/status", "from the balancer")
        # then the viewer's rights are those of its name
        assert [topic for topic, _ in viewer.heard] == ["balancer/house/status"]


def test_certificate_listener_refuses_who_has_only_a_password(broker: Broker) -> None:
    with (
        pytest.raises(RefusedError, match=r"(?i)connect|certificate|disconnected"),
        broker.over_tls("balancer", port=broker.certificate),
    ):
        pass


@pytest.mark.parametrize("stranger", ["expired", "of another house"])
def test_certificate_of_a_stranger_is_refused(
    broker: Broker, tmp_path: Path, stranger: str
) -> None:
    # given a certificate that ran out yesterday, or that another CA signed
    if stranger == "expired":
        certificate = Access(broker.folder, days=-1).certificate("balancer_of_last_year")
        reason = "expired"
    else:
        other = Access(tmp_path)
        other.create([])
        certificate = other.certificate("balancer")
        reason = "unknown ca|unable to get local issuer|certificate verify failed"
    # when it is shown to the broker, then the reason reaches the client
    assert re.search(reason, refusal(broker, certificate), re.IGNORECASE)


def refusal(broker: Broker, certificate: Path) -> str:
    """Return what a client is told that shows this certificate."""
    context = ssl.create_default_context(cafile=broker.folder / "certs" / "ca.crt")
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with (
        socket.create_connection(("127.0.0.1", broker.certificate), 5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        try:  # TLS 1.3: the client knows only when it reads
            received = connection.recv(1)
        except ssl.SSLError as error:
            return str(error)
    return f"not refused: {received!r}"


def test_client_does_not_trust_a_broker_of_another_house(broker: Broker, tmp_path: Path) -> None:
    Access(tmp_path).create([])
    with (
        pytest.raises(RefusedError, match="certificate verify failed"),
        broker.over_tls("viewer", ca=tmp_path / "certs" / "ca.crt"),
    ):
        pass


@pytest.mark.parametrize("name", ["balancer", "nobody", ""])
def test_wrong_password_and_unknown_and_anonymous_users_are_refused(
    broker: Broker, name: str
) -> None:
    with (
        pytest.raises(RefusedError, match=r"(?i)not authorized"),
        broker.person(name, password="wrong"),
    ):
        pass


def test_new_user_comes_in_and_removed_one_stays_out_after_a_reload(own_broker: Broker) -> None:
    # given a running broker
    # when a device is added and the viewer removed
    own_broker.access.user("relay3")
    own_broker.access.remove("viewer")
    own_broker.reload()
    # then the device comes in without a restart
    until(lambda: comes_in(own_broker, "relay3"), "relay3 comes in")
    # and the viewer does not
    with (
        pytest.raises(RefusedError, match=r"(?i)not authorized"),
        own_broker.person("viewer", password="whatever it was"),
    ):
        pass


def comes_in(broker: Broker, name: str) -> bool:
    try:
        with broker.person(name):
            return True
    except RefusedError:
        return False


def test_renewed_certificate_of_the_broker_is_used_after_a_reload(own_broker: Broker) -> None:
    before = served_certificate(own_broker)
    own_broker.access.server(["house.example"])
    own_broker.reload()
    until(lambda: served_certificate(own_broker) != before, "the new certificate is served")


def served_certificate(broker: Broker) -> str:
    return ssl.get_server_certificate(("127.0.0.1", broker.tls))
