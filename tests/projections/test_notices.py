"""Counterfeit notices: a brand's notice means its own lines alone, on both clocks."""

from collections.abc import Iterator

import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.appraisal import CertifyItem, PassItem, ReceiveItem, RecordCheck
from ledger.decisions.base import Command
from ledger.decisions.notice import RegisterBrand, ShareNotice, WithdrawNotice
from ledger.decisions.order import OrderLine, PayOrder, PlaceOrder, VoidOrder
from ledger.errors import ProjectionBehind, UnknownNotice
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.notices import CERTIFICATES, NOTICES, notice_view, notices
from projections.order_status import ORDER_STATUS
from tests.projections.saying import DIGEST, at, told
from tests.projections.story import day

MODELS = (NOTICES, CERTIFICATES, ORDER_STATUS)


def order(id_: str, *lines: tuple[str, str, str]) -> list[Command]:
    """A paid order of some lines: SKU, title and supplier of each."""
    items = tuple(
        OrderLine(sku=sku, title=title, supplier=supplier, quantity=1, amount=1_000)
        for sku, title, supplier in lines
    )
    place = PlaceOrder(id=id_, shop="S1", buyer="B1", currency="CNY", lines=items)
    return [place, PayOrder(id=id_, cash=1_000 * len(lines))]


def appraised(serial: str, order: str, certificate: str) -> list[Command]:
    checks = (
        RecordCheck(id=serial, check=name, passed=True)
        for name in ("material", "weight", "item", "narration")
    )
    return [
        ReceiveItem(id=serial, order=order, lab="lab"),
        *checks,
        PassItem(id=serial),
        CertifyItem(id=serial, certificate=certificate),
    ]


def share(id_: str, brand: str = "north", **how: tuple[str, ...]) -> ShareNotice:
    return ShareNotice(id=id_, brand=brand, source="south", evidence=DIGEST, **how)  # type: ignore[arg-type] # the ways


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    told(
        found,
        MODELS,
        *at(
            day(0),
            RegisterBrand(id="north", names=("North",), suppliers=("sup-n",), articles=("NO-*", "n1")),
            RegisterBrand(id="south", names=("South Sea",)),
            *order("p:1", ("cap", "NORTH cap, red", ""), ("cap", "South Sea cap, red", "")),
            *order("p:2", ("NO-7", "A warm cap", ""), ("x7", "A cap", "sup-n"), ("y7", "Northern cap", "")),
            *order("p:3", ("cap", "North cap", "")),
            *order("p:4", ("cap", "North cap", "")),
            *order("p:5", ("n1", "Ring", "")),
            *order("p:6", ("r1", "South Sea ring", "")),
        ),
        *at(day(1), *appraised("i5", "p:5", "z5"), *appraised("i6", "p:6", "z6")),
        *at(day(2), VoidOrder(id="p:3", reason="brushing")),
    )
    yield found
    found.close()


def lines_of(
    database: Database, id_: str, clocks: Clocks | None = None
) -> list[tuple[str, int, tuple[str, ...]]]:
    view = notice_view(database, id_, clocks) if clocks else notice_view(database, id_)
    return [(line.order, line.line, line.why) for line in view.lines]


def test_a_notice_means_the_lines_of_its_own_brand_alone(database: Database):
    """Both brands sell a cap under one SKU; the notice is about the caps of one of them."""
    told(database, MODELS, share("n1", skus=("cap",)), share("n2", "south", skus=("cap",)))
    assert lines_of(database, "n1") == [("p:1", 1, ("sku cap",)), ("p:4", 1, ("sku cap",))]
    assert lines_of(database, "n2") == [("p:1", 2, ("sku cap",))]


def test_words_of_the_title(database: Database):
    """A name counts as whole words; a line without it is known by its supplier or its SKU."""
    told(database, MODELS, share("n1", keywords=("red Cap", "warm")), share("n2", keywords=("cap",)))
    assert lines_of(database, "n1") == [("p:1", 1, ("keyword red Cap",)), ("p:2", 1, ("keyword warm",))]
    found = [(order, line) for order, line, _ in lines_of(database, "n2")]
    assert found == [("p:1", 1), ("p:2", 1), ("p:2", 2), ("p:4", 1)]


def test_pieces_by_serial_and_certificate(database: Database):
    told(database, MODELS, share("n1", serials=("i5", "i6", "i9"), certificates=("z5", "z6", "z9")))
    view = notice_view(database, "n1")
    why = ("serial i5", "certificate z5")
    assert [(each.serial, each.certificate, each.order, each.line, each.why) for each in view.pieces] == [
        ("i5", "z5", "p:5", 1, why)
    ]
    assert [(line.order, line.serials, line.why) for line in view.lines] == [("p:5", ("i5",), why)]
    told(database, MODELS, share("n2", certificates=("z5",)))
    assert [each.why for each in notice_view(database, "n2").pieces] == [("certificate z5",)]


def test_on_both_clocks(database: Database):
    head = told(database, MODELS, *at(day(1), share("n1", skus=("cap",))))
    then = Clocks(time.micros(day(1, 1)), None)
    assert lines_of(database, "n1", then) == [
        ("p:1", 1, ("sku cap",)),
        ("p:3", 1, ("sku cap",)),
        ("p:4", 1, ("sku cap",)),
    ]
    told(database, MODELS, WithdrawNotice(id="n1", reason="a mistake"))
    gone = notice_view(database, "n1")
    assert (gone.notice.status, gone.lines, gone.pieces) == ("withdrawn", (), ())
    assert len(lines_of(database, "n1", Clocks(None, head))) == 2
    with pytest.raises(UnknownNotice):
        notice_view(database, "n1", Clocks(None, head - 1))
    with pytest.raises(UnknownNotice):
        notice_view(database, "n9")


def test_how_a_brand_is_known_may_change(database: Database):
    told(database, MODELS, *at(day(3), share("n1", skus=("cap",))))
    told(database, MODELS, *at(day(4), RegisterBrand(id="north", names=("Nordic",))))
    assert lines_of(database, "n1") == []
    assert len(lines_of(database, "n1", Clocks(time.micros(day(3)), None))) == 2


def test_the_list(database: Database):
    told(database, MODELS, *at(day(3), share("n1", skus=("cap",)), share("n2", "south", skus=("cap",))))
    told(database, MODELS, *at(day(4), WithdrawNotice(id="n1", reason="a mistake")))
    assert [(each.notice, each.brand, each.status) for each in notices(database)] == [
        ("n1", "north", "withdrawn"), ("n2", "south", "shared"),
    ]  # fmt: skip
    first = notices(database, limit=1)
    assert [each.notice for each in notices(database, after=first[0].position)] == ["n2"]
    assert [each.notice for each in notices(database, brand="south")] == ["n2"]
    then = notices(database, Clocks(time.micros(day(3)), None), brand="north")
    assert [each.status for each in then] == ["shared"]


def test_models_that_are_not_built(database_url: str):
    bare = Database(database_url)
    migrate(bare)
    with pytest.raises(ProjectionBehind):
        notices(bare)
    bare.close()
