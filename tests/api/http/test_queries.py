"""Queries over HTTP: orders, books and the log, on both clocks, page by page."""

import threading
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.http.conftest import Served

BEFORE, AFTER = "2021-06-10T12:00:00+08:00", "2021-06-12T12:00:00+08:00"


def pages(server: Served, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list, following `next`."""
    found = [server.get(path, **query).json()]
    while found[-1]["next"]:
        found.append(server.get(path, cursor=found[-1]["next"]).json())
    return found


# Orders.


def test_an_order_shows_what_a_write_just_did(server: Served):
    position = server.paid("q:1", 1000, host="H1").json()["position"]
    answer = server.get("/v1/orders/q:1", after_position=position)
    order = answer.json()
    assert answer.headers["ETag"] == '"2"'
    assert int(answer.headers["Ledger-Position"]) >= position == order["position"]
    assert (order["status"], order["shop"], order["host"], order["buyer"]) == ("paid", "S1", "H1", "B1")
    assert order["cash"] == {"amount": 1000, "currency": "CNY"}
    assert order["lines"][0] == {
        "sku": "A", "title": "", "quantity": 1, "amount": 1000,
        "shop_coupon": 0, "platform_coupon": 0, "supplier": "", "fulfiller": "",
    }  # fmt: skip
    assert order["times"].keys() == {"placed", "paid"}
    assert order["times"]["paid"].endswith("+08:00")


def test_an_order_shows_its_refunds(server: Served):
    server.paid("q:refunded", 1000)
    body = {"order": "q:refunded", "items": [{"line": 1, "cash": 400}]}
    server.post("/v1/refunds/q-R1/request", body)
    server.post("/v1/refunds/q-R1/approve")
    position = server.post("/v1/refunds/q-R1/complete").json()["position"]
    order = server.get("/v1/orders/q:refunded", after_position=position).json()
    assert order["refunded_cash"] == {"amount": 400, "currency": "CNY"}
    assert [(refund["id"], refund["status"], refund["cash"]["amount"]) for refund in order["refunds"]] == [
        ("q-R1", "completed", 400)
    ]
    timeline = server.get("/v1/orders/q:refunded/timeline").json()
    assert [(step["event"]["type"], step["status"]) for step in timeline["steps"]] == [
        ("order-placed", "placed"),
        ("order-paid", "paid"),
        ("refund-requested", "paid"),
        ("refund-approved", "paid"),
        ("refund-completed", "paid"),
    ]
    assert timeline["steps"][-1]["transfers"] == [
        {"debit": "order_escrow:q:refunded", "credit": "bank", "amount": {"amount": 400, "currency": "CNY"}}
    ]


def test_an_order_on_both_clocks(server: Served):
    server.placed("q:clocks", 1000, at=BEFORE)
    placed = server.get("/v1/events", limit=1, after=int(server.get("/health").json()["position"]) - 1).json()
    first = placed["events"][0]
    last = server.post("/v1/orders/q:clocks/pay", {"cash": 1000, "at": AFTER}).json()["position"]

    def status(**query: Any) -> str:
        return str(server.get("/v1/orders/q:clocks", after_position=last, **query).json()["status"])

    assert status() == "paid"
    assert status(as_of="2021-06-11") == "placed"
    assert status(as_of="2021-06-13T00:00:00+08:00") == "paid"
    assert status(as_at=first["position"]) == "placed"
    assert status(as_at=last) == "paid"
    assert status(as_at=first["recorded_at"]) == "placed"
    assert status(as_of="2021-06-11", as_at=last) == "placed"
    then = server.get("/v1/orders/q:clocks", as_at=first["position"])
    assert (then.headers["ETag"], then.headers["Ledger-Position"]) == ('"1"', str(first["position"]))
    early = server.get("/v1/orders/q:clocks", as_of="2021-06-09")
    assert (early.status_code, early.json()["code"]) == (404, "unknown_order")
    steps = server.get("/v1/orders/q:clocks/timeline", as_of="2021-06-11").json()["steps"]
    assert [step["event"]["effective_at"] for step in steps] == [BEFORE]


def test_an_order_that_nobody_placed(server: Served):
    for path in ("/v1/orders/q:none", "/v1/orders/q:none/timeline"):
        answer = server.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_order")


# The books.


def test_the_balance_of_an_account(server: Served):
    server.paid("q:balance", 700)
    answer = server.get("/v1/accounts/order_escrow:q:balance")
    assert answer.json() == {
        "account": "order_escrow:q:balance",
        "kind": "liability",
        "balances": [{"amount": 700, "currency": "CNY"}],
    }
    unknown = server.get("/v1/accounts/order_escrow:q:nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_account")


def test_a_balance_on_both_clocks(server: Served):
    account = "/v1/accounts/shop_deposit:q-shop"
    server.post("/v1/shops/q-shop/open")
    first = server.post("/v1/shops/q-shop/pay-deposit", {"amount": 100, "at": AFTER}).json()["position"]
    last = server.post("/v1/shops/q-shop/pay-deposit", {"amount": 50, "at": BEFORE}).json()["position"]

    def amount(**query: Any) -> int:
        return int(server.get(account, **query).json()["balances"][0]["amount"])

    assert [
        amount(),
        amount(as_of="2021-06-11"),
        amount(as_at=first),
        amount(as_at=last),
        amount(as_of="2021-06-11", as_at=first),
    ] == [150, 50, 100, 150, 0]
    assert server.get(account, as_at=first).headers["Ledger-Position"] == str(first)


def test_a_statement_page_by_page(server: Served):
    server.post("/v1/shops/q-pages/open")
    for amount in range(1, 8):
        server.post("/v1/shops/q-pages/pay-deposit", {"amount": amount})
    path = "/v1/accounts/shop_deposit:q-pages/statement"
    first = server.get(path, limit=3).json()
    # What is recorded now belongs to another statement.
    server.post("/v1/shops/q-pages/pay-deposit", {"amount": 100})
    rest = pages(server, path, cursor=first["next"])
    found = [first, *rest]
    assert [len(page["lines"]) for page in found] == [3, 3, 1]
    lines = [line for page in found for line in page["lines"]]
    assert [line["change"]["amount"] for line in lines] == list(range(1, 8))
    assert [line["balance"]["amount"] for line in lines] == [1, 3, 6, 10, 15, 21, 28]
    assert {(line["other"], line["type"], line["stream"]) for line in lines} == {
        ("bank", "deposit-paid", "shop-q-pages")
    }
    assert found[0]["currency"] == "CNY"
    assert len(server.get(path).json()["lines"]) == 8


def test_a_statement_names_its_currency_where_there_are_several(server: Served):
    for number, currency in enumerate(("CNY", "GBP")):
        body = {"shop": "q-both", "currency": currency, "settled": True, "lines": [{"sku": "A", "amount": 5}]}
        server.post(f"/v1/orders/q:both{number}/record", body)
    path = "/v1/accounts/shop_payable:q-both/statement"
    answer = server.get(path)
    assert (answer.status_code, answer.json()["field"]) == (400, "currency")
    assert server.get(path, currency="GBP").json()["lines"][0]["change"] == {"amount": 5, "currency": "GBP"}
    assert server.get(path, currency="USD").status_code == 404


def test_the_trial_balance_is_even(server: Served):
    server.paid("q:even", 321)
    found = server.get("/v1/trial-balance").json()
    book = found["currencies"]["CNY"]
    assert book["debit"] == book["credit"] > 0
    assert {"account": "order_escrow:q:even", "kind": "liability", "balance": 321} in book["accounts"]
    assert all(account["balance"] for account in book["accounts"])
    server.post("/v1/refunds/q-even/request", {"order": "q:even"})
    server.post("/v1/refunds/q-even/approve")
    server.post("/v1/refunds/q-even/complete")
    zero = {"account": "order_escrow:q:even", "kind": "liability", "balance": 0}
    assert zero not in server.get("/v1/trial-balance").json()["currencies"]["CNY"]["accounts"]
    assert zero in server.get("/v1/trial-balance", zero=True).json()["currencies"]["CNY"]["accounts"]
    assert server.get("/v1/trial-balance", as_at=found["position"]).json() == found
    assert server.get("/v1/trial-balance", as_of="1999-01-01").json()["currencies"] == {}


# The log.


def test_the_log_page_by_page(server: Served):
    for number in range(5):
        server.placed(f"q:log{number}")
    head = server.get("/health").json()["position"]
    found = pages(server, "/v1/events", after=head - 5, limit=2)
    assert [len(page["events"]) for page in found] == [2, 2, 1]
    events = [event for page in found for event in page["events"]]
    assert [event["position"] for event in events] == list(range(head - 4, head + 1))
    assert [event["stream"] for event in events] == [f"order-q:log{number}" for number in range(5)]
    assert server.get("/v1/events", after=head).json() == {"events": [], "next": None}
    every = pages(server, "/v1/events", limit=1000)
    assert [event["position"] for page in every for event in page["events"]] == list(range(1, head + 1))


def test_the_log_on_both_clocks(server: Served):
    start = server.get("/health").json()["position"]
    server.placed("q:l1", at=AFTER)
    server.placed("q:l2", at=BEFORE)
    end = server.placed("q:l3", at=AFTER).json()["position"]
    found = pages(server, "/v1/events", after=start, as_of="2021-06-11", limit=1)
    assert [event["stream"] for page in found for event in page["events"]] == ["order-q:l2"]
    found = pages(server, "/v1/events", after=start, as_at=end - 1, limit=1)
    assert [event["position"] for page in found for event in page["events"]] == [end - 2, end - 1]


# Cursors, clocks and waiting.


def test_cursors_that_were_not_given_out(server: Served):
    server.post("/v1/shops/q-cursor/open")
    for _ in range(2):
        server.post("/v1/shops/q-cursor/pay-deposit", {"amount": 1})
    path = "/v1/accounts/shop_deposit:q-cursor/statement"
    good = server.get(path, limit=1).json()["next"]
    of_the_log = server.get("/v1/events", limit=1).json()["next"]
    assert server.get(path, cursor=good).status_code == 200
    for bad in (good[:-1], good + "A", "x" + good, "", "a.b.c", "\x00", "é", of_the_log):
        answer = server.get(path, cursor=bad)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), bad
    elsewhere = server.get("/v1/accounts/bank/statement", cursor=good)
    assert (elsewhere.status_code, elsewhere.json()["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("as_of=yesterday", 400, "invalid_time", "as_of"),
        ("as_of=2021-06-10T00:00:00", 400, "invalid_time", "as_of"),
        ("as_at=never", 400, "invalid_time", "as_at"),
        ("as_at=-1", 400, "invalid_time", "as_at"),
        ("as_at=9999999", 404, "unknown_position", "as_at"),
        ("as_at=" + "9" * 30, 404, "unknown_position", "as_at"),
        ("limit=0", 400, "malformed", "limit"),
        ("limit=1001", 400, "malformed", "limit"),
        ("limit=ten", 400, "malformed", "limit"),
        ("after=-1", 400, "malformed", "after"),
        ("after=" + "9" * 30, 400, "malformed", "after"),
        ("after_position=" + "9" * 30, 400, "malformed", "after_position"),
    ],
)  # fmt: skip
def test_questions_that_make_no_sense(server: Served, query: str, status: int, code: str, field: str):
    answer = server.client.get(f"/v1/events?{query}")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_read_waits_for_a_write_of_somebody_else(server: Served):
    head = server.get("/health").json()["position"]
    answers = []

    def read() -> None:
        answers.append(server.get("/v1/orders/q:awaited", after_position=head + 1))
        answers.append(server.get("/v1/trial-balance", after_position=head + 2))

    thread = threading.Thread(target=read)
    thread.start()
    server.paid("q:awaited")
    thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert int(answers[0].headers["Ledger-Position"]) > head
    assert answers[1].json()["position"] >= head + 2


@pytest.mark.parametrize("path", ["/v1/orders/q:1", "/v1/events"])
def test_a_read_does_not_wait_for_ever(server: Served, path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.http.service._PATIENCE_S", 0.1)
    answer = server.get(path, after_position=10**9)
    assert (answer.status_code, answer.json()["code"]) == (503, "projection_behind")
    assert answer.headers["Retry-After"] == "1"


def test_account_names_travel_in_urls(server: Served):
    server.paid("q:a%2Fb%20c".replace("%20c", "c"))
    name = quote("order_escrow:q:a/bc", safe="")
    assert server.get(f"/v1/accounts/{name}").json()["account"] == "order_escrow:q:a/bc"
    assert len(server.get(f"/v1/accounts/{name}/statement").json()["lines"]) == 1
