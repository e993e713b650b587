"""Claims over HTTP: from filing to the payout, and what each step of it answers."""

from typing import Any

from ledger.policies import shipped
from tests.api.http.conftest import Served

PAID_AT, FILED_AT = "2021-11-05T12:00:00+08:00", "2021-12-01T12:00:00+08:00"


def ready(server: Served, order: str) -> None:
    """A paid order of 199.00 that carries the cover against fakes, and money in the fund."""
    rule: Any = None
    for name in ("fraud-law-2014-03", "counterfeit-2021-11"):
        command = shipped()[name]
        rule = {field: getattr(command.rule, field) for field in command.rule.__struct_fields__}
        body = {
            "version": command.version,
            "effective_from": command.effective_from.isoformat(),
            "rule": rule,
            "force": True,
            "reason": "as published",
        }
        assert server.post(f"/v1/policies/{command.id}/publish", body).status_code == 200
    server.post("/v1/shops/C1/open", {"at": "2021-11-01T12:00:00+08:00"})
    server.post("/v1/shops/C1/open-benefit", {"benefit": "counterfeit", "at": "2021-11-01T12:00:00+08:00"})
    assert server.post("/v1/fund/pet/contribute", {"amount": 1_000_000}).status_code == 200
    server.placed(order, 19_900, shop="C1", at=PAID_AT)
    assert server.post(f"/v1/orders/{order}/pay", {"cash": 19_900, "at": PAID_AT}).status_code == 200


def test_a_claim_from_filing_to_the_money(server: Served):
    ready(server, "claimed:1")
    body = {"order": "claimed:1", "benefit": "counterfeit", "at": FILED_AT}
    position = server.post("/v1/claims/h1/file", body).json()["position"]
    quote = server.get("/v1/claims/h1/quote", after_position=position).json()
    assert (quote["refund"]["amount"], quote["compensation"]["amount"], quote["total"]["amount"]) == (
        19_900,
        179_100,
        199_000,
    )
    assert {"name": "counterfeit 2021-11", "expression": "9 × 19900", "value": 179_100} in quote["trace"]
    assert (quote["basis"], quote["law"]) == ("contract", ["fraud-law 2014-03"])
    server.post("/v1/claims/h1/uphold", {"at": FILED_AT})
    server.post("/v1/claims/h1/pay", {"transfer": "h-t1"})
    answer = server.get("/v1/claims/h1")
    claim = answer.json()
    assert answer.headers["ETag"] == '"4"'
    assert (claim["status"], claim["paid"]) == ("paid", {"amount": 179_100, "currency": "CNY"})
    assert claim["parts"] == {"fund": {"amount": 179_100, "currency": "CNY"}}
    assert claim["payments"] == [{"transfer": "h-t1", "amount": 179_100, "status": "sent"}]
    before = server.get("/v1/claims/h1", as_at=position).json()
    assert (before["status"], before["units"]) == (
        "filed",
        [{"line": 1, "unit": 1, "paid": 19_900, "sku": "A"}],
    )


def test_what_is_refused_has_a_code(server: Served):
    missing = server.get("/v1/claims/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_claim")
    missing = server.get("/v1/claims/nobody/quote")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_claim")
    server.paid("claimed:2")
    body = {"order": "claimed:2", "benefit": "counterfeit"}
    answer = server.post("/v1/claims/h2/file", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_covered")
