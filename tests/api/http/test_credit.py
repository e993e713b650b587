"""How far a buyer's refunds are advanced, and what is owed without the shop, over HTTP."""

import msgspec

from ledger import policies
from tests.api.http.conftest import Served

RULE = msgspec.to_builtins(policies.shipped()["instant-refund-2021-06"].rule)


def test_instant_refunds_and_why(server: Served):
    terms = {"version": "v1", "effective_from": "2021-06-01T00:00:00+08:00", "rule": RULE, "force": True}
    steps = [
        ("policies/instant-refund/publish", {**terms, "reason": "the first terms"}),
        ("shops/S1/open", {}),
        ("shops/S1/open-benefit", {"benefit": "instant-refund"}),
        ("orders/c:1/place", {"shop": "S1", "buyer": "c-B1", "currency": "CNY", "lines": [{"sku": "A", "amount": 15000}]}),
        ("orders/c:1/pay", {"cash": 15000}),
        ("refunds/c-R1/request", {"order": "c:1", "items": [{"line": 1, "cash": 9000}]}),
        ("refunds/c-R1/use-benefit", {"benefit": "instant-refund"}),
        ("refunds/c-R2/request", {"order": "c:1", "items": [{"line": 1, "cash": 2000}]}),
    ]  # fmt: skip
    for path, body in steps:
        answer = server.post(f"/v1/{path}", body)
        assert answer.status_code == 200, answer.text
    refused = server.post("/v1/refunds/c-R2/use-benefit", {"benefit": "instant-refund"})
    assert (refused.status_code, refused.json()["code"]) == (422, "credit_limit_exceeded")
    assert "fewer than 3" in refused.json()["detail"]
    answer = server.get("/v1/credit/c-B1", after_position=answer.json()["position"])
    found = answer.json()
    assert found["limit"] == {"amount": 10000, "currency": "CNY"}
    assert found["left"] == {"amount": 1000, "currency": "CNY"}
    assert found["refunds"] == {"c-R1": {"amount": 9000, "currency": "CNY"}}
    assert [step["value"] for step in found["reckoning"]] == [20000, 10000]
    known = found["known"]
    assert (known["paid_orders"], found["assessed"]["position"]) == (1, 0)
    assert server.post("/v1/credit/c-B1/assess", {**known, "paid_orders": 3}).status_code == 200
    assert server.post("/v1/refunds/c-R2/use-benefit", {"benefit": "instant-refund"}).status_code == 200
