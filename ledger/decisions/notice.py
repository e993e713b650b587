"""The counterfeit exchange: brands say how their goods are known, and share what they found to be fake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec

from ledger.decisions.appraisal import Digest
from ledger.decisions.base import INITIAL, Command, Item, Name, Past, Text, decides, folds
from ledger.errors import AlreadyExists, Malformed, UnknownBrand, UnknownNotice
from ledger.events.base import Recorded
from ledger.events.notice import BrandRegistered, CounterfeitNoticeShared, CounterfeitNoticeWithdrawn

Words = Annotated[str, msgspec.Meta(min_length=2, max_length=200, pattern=r"\S.*\S")]
_MOST = 200


class Brand(msgspec.Struct, frozen=True, gc=False):
    """How a brand's goods are known; without names it is no member of the exchange."""

    names: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


class Notice(msgspec.Struct, frozen=True, gc=False):
    """What a notice says now; `brand` is empty while it is unknown."""

    brand: str = ""
    source: str = ""
    skus: tuple[str, ...] = ()
    serials: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    evidence: str = ""
    withdrawn: bool = False

    @property
    def status(self) -> str:
        """One word: empty while it is unknown, shared or withdrawn."""
        return ("withdrawn" if self.withdrawn else "shared") if self.brand else ""


INITIAL["brand"] = Brand()
INITIAL["notice"] = Notice()


@folds(BrandRegistered)
def _registered(_brand: Brand, fact: BrandRegistered, _recorded: Recorded) -> Brand:
    return Brand(fact.names, fact.suppliers, fact.articles)


@folds(CounterfeitNoticeShared)
def _shared(_notice: Notice, fact: CounterfeitNoticeShared, _recorded: Recorded) -> Notice:
    how = fact.skus, fact.serials, fact.certificates, fact.keywords
    return Notice(fact.brand, fact.source, *how, fact.evidence)


@folds(CounterfeitNoticeWithdrawn)
def _withdrawn(notice: Notice, _fact: CounterfeitNoticeWithdrawn, _recorded: Recorded) -> Notice:
    return msgspec.structs.replace(notice, withdrawn=True)


class RegisterBrand(Command, kw_only=True):
    """Say how a brand's goods are known: by names in a title, suppliers or SKUs; the last word stands.

    A SKU that ends in `*` stands for all that begin so.
    """

    NAME = "brands.register"
    STREAM = "brand"

    id: Name
    names: Annotated[tuple[Words, ...], msgspec.Meta(min_length=1, max_length=_MOST)]
    suppliers: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)] = ()
    articles: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)] = ()


class ShareNotice(Command, kw_only=True):
    """Share what counterfeits of a brand are known by; `source` is the brand that found them.

    A line is meant if its SKU, the serial or certificate number of one of its pieces, or all words of one of
    the keywords in its title say so, and it is one of the brand's own.
    """

    NAME = "notices.share"
    STREAM = "notice"

    id: Name
    brand: Name
    source: Name
    skus: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)] = ()
    serials: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)] = ()
    certificates: Annotated[tuple[Name, ...], msgspec.Meta(max_length=_MOST)] = ()
    keywords: Annotated[tuple[Words, ...], msgspec.Meta(max_length=_MOST)] = ()
    evidence: Digest

    def touches(self) -> tuple[str, ...]:
        """The notice and both brands."""
        return (self.stream, f"brand-{self.brand}", f"brand-{self.source}")


class WithdrawNotice(Command, kw_only=True):
    """Take a notice back that was wrong."""

    NAME = "notices.withdraw"
    STREAM = "notice"

    id: Name
    reason: Text


@decides(RegisterBrand)
def register(past: Past, command: RegisterBrand) -> Iterator[Item]:
    """A brand may say it anew at any time."""
    said = Brand(command.names, command.suppliers, command.articles)
    if not said.names:
        raise Malformed("A brand has a name.", field="names")
    if past.state(command.stream) != said:
        yield BrandRegistered(said.names, said.suppliers, said.articles)


@decides(ShareNotice)
def share(past: Past, command: ShareNotice) -> Iterator[Item]:
    """Brands of the exchange share a notice once; it says at least one way to know the goods."""
    notice: Notice = past.state(command.stream)
    how = command.skus, command.serials, command.certificates, command.keywords
    said = Notice(command.brand, command.source, *how, command.evidence)
    if notice.status:
        if msgspec.structs.replace(notice, withdrawn=False) != said:
            raise AlreadyExists(f"Notice {command.id} was shared with other content.", field="id")
        return
    if not any(how):
        raise Malformed("It names no SKU, serial, certificate or keyword.", field="skus")
    marks: tuple[str, ...] = ()
    for field in ("brand", "source"):
        name: str = getattr(command, field)
        if not past.state(f"brand-{name}").names:
            if not past.reported:
                raise UnknownBrand(f"Got {name!r}.", field=field)
            marks = ("unknown_brand",)
    yield CounterfeitNoticeShared(command.brand, command.source, *how, command.evidence, marks)


@decides(WithdrawNotice)
def withdraw(past: Past, command: WithdrawNotice) -> Iterator[Item]:
    """A notice is withdrawn once."""
    notice: Notice = past.state(command.stream)
    if not notice.status:
        raise UnknownNotice(f"Got {command.id!r}.", field="id")
    if not notice.withdrawn:
        yield CounterfeitNoticeWithdrawn(command.reason)
