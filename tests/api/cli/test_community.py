"""What buyers, users and brands say, for people and for machines."""

import json
from typing import Any

import pytest

from tests.api.cli.conftest import Ask, Run

WORDS = "0a" * 32
CAP = {"sku": "cap", "title": "North cap", "amount": 10_000}
ORDER = {"shop": "S1", "buyer": "B1", "host": "H1", "currency": "CNY", "lines": [CAP]}
SILVER = {"session": "L1", "statement": "silver"}
#   command              id         when                            what
STEPS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("orders.record",    "web:1",   "2021-06-01T10:00:00+08:00",    ORDER | {"settled": True}),
    ("orders.record",    "web:2",   "2021-06-02T10:00:00+08:00",    ORDER | {"settled": True}),
    ("orders.place",     "web:3",   "2021-06-03T10:00:00+08:00",    ORDER),
    ("reviews.invite",   "V1",      "2021-06-04T10:00:00+08:00",    {"order": "web:2"}),
    ("reviews.submit",   "V1",      "2021-06-05T10:00:00+08:00",    {"order": "web:2", "quality": 1, "service": 4}),
    ("reviews.answer",   "V1",      "2021-06-06T10:00:00+08:00",    {"by": "host", "digest": WORDS}),
    ("complaints.record", "K1",     "2021-06-05T10:00:00+08:00",    {"order": "web:2", "reason": "spoilt"}),
    ("votes.cast",       "E1",      "2021-06-05T10:00:00+08:00",    {"item": "cap", "shop": "S1", "user": "U1", "worth": True}),
    ("hosts.open",       "H1",      "2021-06-01T10:00:00+08:00",    {}),
    ("sessions.begin",   "L1",      "2021-06-01T10:00:00+08:00",    {"host": "H1"}),
    ("reports.file",     "F1",      "2021-06-01T11:00:00+08:00",    SILVER | {"user": "U1"}),
    ("brands.register",  "north",   "2021-06-01T10:00:00+08:00",    {"names": ["North"]}),
    ("notices.share",    "N1",      "2021-06-05T10:00:00+08:00",
        {"brand": "north", "source": "north", "skus": ["cap"], "evidence": WORDS}),
)  # fmt: skip


@pytest.fixture
def told(ask: Ask) -> Ask:
    """A shop of whose three orders one was reviewed, complained of, and answered."""
    for name, id_, at, data in STEPS:
        ask("do", name, id_, "--data", json.dumps({**data, "at": at}))
    return ask


def test_for_machines(told: Ask):
    (said,) = told("says", "S1")["says"]
    assert (said["id"], said["earlier_orders"], said["ratings"]) == ("V1", 1, {"quality": 1, "service": 4})
    assert told("says", "S1", "--as-of", "2021-06-05")["says"] == []
    assert told("says", "S1", "--all", "--after", said["position"])["says"] == []
    assert told("report", "reviews", "--by", "shop")["total"]["rate"] == "100.0"
    assert told("report", "reviews", "--from", "2021-06-05")["rows"] == []
    assert told("report", "complaints")["rows"] == [
        {"name": "", "reason": "spoilt", "complaints": 1, "claimed": 0}
    ]
    assert told("report", "votes", "cap", "--shop", "S1")["results"][0]["worth"] == 1
    assert told("report", "false-claims", "--host", "H1")["statements"][0]["reports"] == 1
    assert told("report", "false-claim-reports", "--status", "filed")["reports"][0]["by"] == "U1"
    assert told("report", "false-claim-reports", "--status", "upheld")["reports"] == []
    assert told("report", "notices", "--brand", "north")["notices"][0]["id"] == "N1"
    found = told("notice", "N1")
    assert [(each["order"], each["why"]) for each in found["lines"]] == [("web:3", ["sku cap"])]
    assert told("notice", "N1", "--as-of", "2021-06-06")["lines"] == found["lines"]


#   command                                     what people read
SHOWN = {
    ("says", "S1"):                             "V1      web:2  B1                  1  quality 1, service 4  host",
    ("report", "reviews"):                      "total          1              1  100.0 %     0        1         1",
    ("report", "complaints"):                   "spoilt           1        0",
    ("report", "complaints", "--by", "shop"):   "S1     spoilt           1        0",
    ("report", "votes"):                        "S1    cap          1             0  100.0 %",
    ("report", "false-claims"):                 "L1       silver     H1          1      0       1",
    ("report", "false-claim-reports"):          "F1      L1       silver     U1       1  filed",
    ("report", "notices"):                      "N1      north  north      shared",
    ("notice", "N1"):                           "web:3     1  placed  S1    cap  North cap  sku cap",
}  # fmt: skip


@pytest.mark.usefixtures("told")
def test_for_people(run: Run):
    for words, line in SHOWN.items():
        assert line in run(*words).stdout, words


def test_what_is_not_there(run: Run):
    assert "unknown_notice" in run("notice", "N9", status=2).stderr
    assert "invalid_time" in run("report", "reviews", "--from", "June", status=2).stderr
    assert run("says", "nobody").stdout.splitlines() == [
        "submitted  review  order  buyer  earlier orders  ratings  answered by"
    ]
