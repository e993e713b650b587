"""Live sessions: a host goes on air, and off."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ledger.decisions.base import INITIAL, Command, Item, Name, OptionalName, Past, Text, decides, folds
from ledger.decisions.host import Host, check_performs
from ledger.decisions.standing import check_sells
from ledger.errors import AlreadyExists, UnknownHost, UnknownSession
from ledger.events.base import Recorded
from ledger.events.live import SessionBegun, SessionClosed


class Session(msgspec.Struct, frozen=True):
    """What a session is now; times in UTC microseconds."""

    status: str = ""
    host: str = ""
    shop: str = ""
    title: str = ""
    begun_at: int = 0
    closed_at: int | None = None


INITIAL["live"] = Session()


@folds(SessionBegun)
def _begun(_session: Session, fact: SessionBegun, recorded: Recorded) -> Session:
    return Session("on_air", fact.host, fact.shop, fact.title, recorded.envelope.effective_at)


@folds(SessionClosed)
def _closed(session: Session, _fact: SessionClosed, recorded: Recorded) -> Session:
    return msgspec.structs.replace(session, status="closed", closed_at=recorded.envelope.effective_at)


class BeginSession(Command, kw_only=True):
    """Let a host go on air, for a shop if one is named."""

    NAME = "sessions.begin"
    STREAM = "live"

    id: Name
    host: Name
    shop: OptionalName = ""
    title: Text = ""


class CloseSession(Command, kw_only=True):
    """End a session."""

    NAME = "sessions.close"
    STREAM = "live"

    id: Name
    reason: Text = ""


@decides(BeginSession)
def begin(past: Past, command: BeginSession) -> Iterator[Item]:
    """A session begins once, with a host, and for a shop, who may sell."""
    session: Session = past.state(command.stream)
    if session.status:
        if (session.host, session.shop, session.title) == (command.host, command.shop, command.title):
            return
        raise AlreadyExists(f"Session {command.id} is that of {session.host}.", field="id")
    if not past.reported:
        host: Host = past.state(f"host-{command.host}")
        if not host.status:
            raise UnknownHost(f"Got {command.host!r}.", field="host")
        check_performs(past, command.host, "host")
        if command.shop:
            check_sells(past, command.shop, "shop")
    yield SessionBegun(command.host, command.shop, command.title)


@decides(CloseSession)
def close(past: Past, command: CloseSession) -> Iterator[Item]:
    """A session ends once."""
    session: Session = past.state(command.stream)
    if not session.status:
        raise UnknownSession(f"Got {command.id!r}.", field="id")
    if session.status != "closed":
        yield SessionClosed(command.reason)
