"""Terms over HTTP, and what they make of an order: published, read on both clocks, quoted."""

from typing import Any

from tests.api.http.conftest import Served

RULE = {
    "family": "authenticity",
    "formula": "multiple",
    "multiple": 9,
    "refund": True,
    "window_from": "received",
    "window_days": 365,
    "payers": ["deposit", "fund"],
}
FIRST = {
    "version": "1",
    "effective_from": "2021-06-01T00:00:00+08:00",
    "rule": RULE,
    "at": "2021-05-01T00:00:00+08:00",
}


def published(server: Served, benefit: str, **more: Any) -> int:
    answer = server.post(f"/v1/policies/{benefit}/publish", {**FIRST, **more})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["position"])


def test_terms_are_published_and_listed(server: Served):
    first = published(server, "fake-a")
    second = published(
        server,
        "fake-a",
        version="2",
        effective_from="2130-01-01T00:00:00+08:00",
        rule=RULE | {"multiple": 10},
    )
    one, two = server.get("/v1/policies/fake-a", after_position=second).json()["policies"]
    assert (one["benefit"], one["version"], one["status"]) == ("fake-a", "1", "in_force")
    assert one["effective_to"] == two["effective_from"] == "2130-01-01T00:00:00+08:00"
    assert (two["status"], two["effective_to"], two["rule"]["multiple"]) == ("announced", None, 10)
    assert one["rule"]["payers"] == ["deposit", "fund"]
    answer = server.get("/v1/policies/fake-a", as_at=first)
    assert [each["effective_to"] for each in answer.json()["policies"]] == [None]
    assert answer.headers["Ledger-Position"] == str(first)
    late = server.get("/v1/policies/fake-a", as_of="2130-01-01").json()["policies"]
    assert [each["status"] for each in late] == ["ended", "in_force"]
    listed = server.get("/v1/policies").json()["policies"]
    assert {("fake-a", "1"), ("fake-a", "2")} <= {(each["benefit"], each["version"]) for each in listed}
    nobody = server.get("/v1/policies/kindness")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_policy")


def test_what_terms_may_not_be(server: Served):
    for more, status, code in (
        ({"rule": RULE | {"formula": "rate"}}, 400, "invalid_policy"),
        ({"rule": RULE | {"family": "kindness"}}, 400, "malformed"),
        ({"at": "2021-05-30T00:00:00+08:00"}, 422, "notice_too_short"),
        ({"effective_from": "2021-06-01T00:00:00"}, 400, "invalid_time"),
    ):
        answer = server.post("/v1/policies/fake-b/publish", {**FIRST, **more})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    published(server, "fake-b")
    answer = server.post("/v1/policies/fake-b/publish", {**FIRST, "version": "2"})
    assert (answer.status_code, answer.json()["code"]) == (422, "policy_overlap")


def test_an_order_shows_its_cover(server: Served):
    published(server, "fake-c")
    opened = {"at": "2021-06-05T00:00:00+08:00"}
    server.post("/v1/shops/C1/open", opened)
    server.post("/v1/shops/C1/open-benefit", {"benefit": "fake-c", **opened})
    server.placed("c:1", 19900, shop="C1", at="2021-06-10T00:00:00+08:00")
    paid = server.post("/v1/orders/c:1/pay", {"cash": 19900, "at": "2021-06-10T00:00:00+08:00"})
    asked = {"after_position": paid.json()["position"], "as_of": "2021-12-01T00:00:00+08:00"}
    found = server.get("/v1/orders/c:1", **asked).json()
    assert found["claims"] == []
    (cover,) = found["coverage"]
    assert cover == {
        "line": 1,
        "benefit": "fake-c",
        "version": "1",
        "tier": "",
        "status": "live",
        "window_from": "received",
        "starts_at": None,
        "ends_at": None,
        "units": 1,
        "refund": {"amount": 19900, "currency": "CNY"},
        "compensation": {"amount": 179100, "currency": "CNY"},
        "basis": "contract",
        "flags": [],
        "trace": [
            {"name": "paid", "expression": "19900", "value": 19900},
            {"name": "left of the refund", "expression": "max(19900 - 0, 0)", "value": 19900},
            {"name": "fake-c 1", "expression": "9 × 19900", "value": 179100},
        ],
    }
    body = {"order": "c:1", "benefit": "fake-c", "at": "2021-11-01T00:00:00+08:00"}
    filed = server.post("/v1/claims/c1/file", body)
    assert filed.status_code == 200, filed.text
    found = server.get("/v1/orders/c:1", **asked | {"after_position": filed.json()["position"]}).json()
    assert [each["status"] for each in found["coverage"]] == ["claimed"]
    (claim,) = found["claims"]
    assert (claim["id"], claim["benefit"], claim["status"]) == ("c1", "fake-c", "filed")
    assert claim["paid"] == {"amount": 0, "currency": "CNY"}


def test_a_closed_period_over_http(server: Served):
    def held(**query: Any) -> int:
        answer = server.get("/v1/accounts/shop_deposit:P1", **query)
        return int(answer.json()["balances"][0]["amount"])

    server.post("/v1/shops/P1/open")
    server.post("/v1/shops/P1/pay-deposit", {"amount": 100, "at": "2019-06-10T00:00:00+08:00"})
    closed = server.post("/v1/periods/2019-06/close", {})
    assert closed.status_code == 200, closed.text
    server.post("/v1/shops/P1/pay-deposit", {"amount": 7, "at": "2019-06-11T00:00:00+08:00"})
    (month,) = server.get("/v1/periods").json()["periods"]
    assert (month["period"], month["until"]) == ("2019-06", "2019-07-01T00:00:00+08:00")
    assert server.get("/v1/periods", as_at=month["position"] - 1).json()["periods"] == []
    end = "2019-06-30T23:59:59+08:00"
    assert (held(), held(as_of=end), held(as_of=end, posted=True)) == (107, 107, 100)
    assert held(as_of="2019-07-01T00:00:00+08:00", posted=True) == 107
    book = server.get("/v1/trial-balance", as_of=end, posted=True).json()["currencies"]["CNY"]
    assert {"account": "shop_deposit:P1", "kind": "liability", "balance": 100} in book["accounts"]
