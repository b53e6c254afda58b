"""Being at the broker: what we are to the house, whatever ends the connection."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from balancer.config.load import read_setup
from balancer.service import presence
from balancer.service.backoff import Loss
from balancer.service.service import Service
from balancer.service.session import Session, SessionError
from balancer.service.standby import Role

EXAMPLE = Path(__file__).parents[2] / "config.toml"


async def test_one_that_stands_down_as_the_connection_ends_forgets_what_it_knew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or it would take over later with a state that another one has long changed."""
    # given one that commands
    ours = Service(read_setup(EXAMPLE))._presence
    ours.standby.role = Role.COMMANDING
    ours.started = True

    @contextlib.asynccontextmanager
    async def lost(*_: object, **__: object) -> AsyncIterator[Session]:
        ours.standby.role = Role.STANDBY
        raise SessionError(Loss.CLOSED, "gone")
        yield

    monkeypatch.setattr(presence, "open_session", lost)
    # when it hears another command, and loses the connection in the same moment
    with pytest.raises(SessionError):
        await ours._visit()
    # then it begins anew when it takes over
    assert not ours.started


async def test_second_wish_to_leave_gives_no_more_time() -> None:
    ours = Service(read_setup(EXAMPLE))._presence
    ours.leave()
    until_s = ours._leave_by_s
    ours.leave()
    assert ours._leave_by_s == until_s
