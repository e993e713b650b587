"""The fund, cards, incidents and explanations over HTTP."""

from typing import Any

import msgspec
import pytest

from ledger import policies
from tests.api.http.conftest import Served

SUM = 52_000
JUNE, JULY = "2021-06-15T12:00:00+08:00", "2021-07-15T12:00:00+08:00"
RULE = msgspec.to_builtins(policies.shipped()["incident-2021-06"].rule)


def cny(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "CNY"}


@pytest.fixture(scope="module")
def position(server: Served) -> int:
    """The fund is given money, a buyer has a card, an incident is granted and paid."""
    terms = {"version": "v1", "effective_from": "2021-06-01T00:00:00+08:00", "rule": RULE, "force": True}
    packet = {"coupon": "K1", "kind": "red-packet", "amount": 500}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("policies/incident/publish", {**terms, "reason": "the first terms"}),
        ("fund/pet/contribute", {"amount": 3 * SUM, "at": JUNE}),
        ("cards/f-B1/issue", {"tier": "gold"}),
        ("cards/f-B1/grant-coupon", packet),
        ("incidents/f-I1/declare", {"title": "Sugar water", "cause": "birds-nest"}),
        ("incidents/f-I1/open-batch", {}),
        ("incidents/f-I1/add-members", {"members": [{"buyer": "f-B1"}, {"buyer": "f-B2"}]}),
        ("incidents/f-I1/approve", {"by": "ann", "at": JULY}),
        ("incidents/f-I1/approve", {"by": "bob", "at": JULY}),
        ("incidents/f-I1/grant", {"buyers": ["f-B1", "f-B2"], "at": JULY}),
        ("incidents/f-I1/pay", {"buyers": ["f-B2"], "at": JULY}),
    ]
    last = 0
    for path, body in steps:
        answer = server.post(f"/v1/{path}", body)
        assert answer.status_code == 200, answer.text
        last = answer.json()["position"]
    return last


def test_the_fund(server: Served, position: int):
    answer = server.get("/v1/fund", after_position=position)
    assert int(answer.headers["Ledger-Position"]) >= position
    assert answer.json() == {
        "currency": "CNY",
        "available": cny(SUM),
        "reserved": cny(0),
        "held": cny(0),
        "recourse": cny(0),
        "due": cny(0),
        "in": {"contributions": cny(3 * SUM)},
        "out": {"batches": cny(2 * SUM)},
    }
    assert server.get("/v1/fund", as_of="2021-07-01").json()["available"] == cny(3 * SUM)
    assert server.get("/v1/fund", as_at=position - 4).json()["available"] == cny(3 * SUM)
    assert server.get("/v1/fund", currency="USD").json()["available"]["amount"] == 0
    assert server.get("/v1/fund", currency="yuan").status_code == 400


def test_a_card(server: Served, position: int):
    card = server.get("/v1/cards/f-B1", after_position=position).json()
    assert (card["buyer"], card["tier"]) == ("f-B1", "gold")
    assert card["coupons"]["red-packet"]["left"] == cny(500)
    assert card["compensation"] == {"pending": cny(0), "payable": cny(SUM), "paid": cny(0)}
    other = server.get("/v1/cards/f-B2").json()
    assert (other["tier"], other["compensation"]["paid"]) == ("", cny(SUM))
    unknown = server.get("/v1/cards/f-B9")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_card")


def test_an_incident(server: Served, position: int):
    found = server.get("/v1/incidents/f-I1", after_position=position).json()
    assert found["members"] == {"added": 0, "excluded": 0, "granted": 1, "paid": 1}
    assert (found["status"], found["amount"], found["approvers"]) == ("approved", cny(SUM), ["ann", "bob"])
    assert server.get("/v1/incidents/f-I9").json()["code"] == "unknown_incident"
    then = server.get("/v1/incidents/f-I1", as_at=position)
    assert (then.status_code, then.json()["field"]) == (400, "as_at")


def test_explanations(server: Served, position: int):
    found = server.get("/v1/explain/fund/available", after_position=position).json()
    assert (found["amount"], [part["amount"] for part in found["parts"]]) == (SUM, [3 * SUM, -2 * SUM])
    card = server.get("/v1/explain/card:f-B1/compensation").json()
    assert card["causes"][0]["payers"] == {"fund": SUM}
    assert server.get("/v1/explain/fund/out/batches", limit=1).json()["more"] is False
    unknown = server.get("/v1/explain/luck")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_figure")
