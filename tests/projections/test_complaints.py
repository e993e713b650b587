"""Complaints by reason, shop, host and time."""

from collections.abc import Iterator

import msgspec
import pytest

from ledger import time
from ledger.books import Clocks
from ledger.decisions.claim import FileClaim
from ledger.decisions.complaint import LinkClaim, Reason, RecordComplaint
from ledger.policies import shipped
from ledger.store.database import Database
from ledger.store.migrate import migrate
from projections.complaints import COMPLAINTS, Figures, report
from tests.projections.saying import at, bought, told
from tests.projections.story import day

LAW = msgspec.structs.replace(shipped()["fraud-law-2014-03"], force=True, reason="it is the law", at=day(-9))


def complain(id_: str, order: str, reason: Reason) -> RecordComplaint:
    return RecordComplaint(id=id_, order=order, reason=reason)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    migrate(found)
    told(
        found,
        (COMPLAINTS,),
        LAW,
        *bought("p:1", 0, host="H1"),
        *bought("p:2", 0, shop="S2"),
        *at(
            day(1),
            complain("k1", "p:1", "spoilt"),
            complain("k2", "p:1", "late"),
            complain("k3", "p:2", "spoilt"),
        ),
        *at(day(40), complain("k4", "p:1", "spoilt"), FileClaim(id="c1", order="p:1", benefit="fraud-law")),
        *at(day(41), LinkClaim(id="k1", claim="c1")),
    )
    yield found
    found.close()


def test_by_reason(database: Database):
    assert report(database) == {"": {"late": Figures(1, 0), "spoilt": Figures(3, 1)}}
    assert report(database, shop="S2") == {"": {"spoilt": Figures(1, 0)}}
    assert report(database, shop="S9") == {}


def test_by_shop_host_and_time(database: Database):
    s1 = {"late": Figures(1, 0), "spoilt": Figures(2, 1)}
    s2 = {"spoilt": Figures(1, 0)}
    assert report(database, by="shop") == {"S1": s1, "S2": s2}
    assert report(database, by="host") == {"": s2, "H1": s1}
    june = {"late": Figures(1, 0), "spoilt": Figures(2, 1)}
    july = {"spoilt": Figures(1, 0)}
    assert report(database, by="month") == {"2021-06": june, "2021-07": july}
    assert report(database, by="day") == {"2021-06-02": june, "2021-07-11": july}
    first = time.local_day(time.micros(day(2)), 480)
    assert report(database, first_day=first) == {"": july}
    assert report(database, last_day=first) == {"": june}


def test_on_both_clocks(database: Database):
    then = Clocks(time.micros(day(40)), None)
    assert report(database, then)[""]["spoilt"] == Figures(3, 0)
    assert report(database, Clocks(time.micros(day(0)), None)) == {}
