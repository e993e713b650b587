"""A shop over HTTP: what it is now, or was."""

from tests.api.http.conftest import Served


def test_a_shop_on_both_clocks(server: Served):
    opened = server.post("/v1/shops/cups/open", {"name": "Cups"}).json()
    server.post("/v1/shops/cups/pay-deposit", {"amount": 500})
    answer = server.get("/v1/shops/cups")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["status"], found["name"], found["benefits"], found["restraints"]) == (
        "open",
        "Cups",
        [],
        [],
    )
    (sums,) = found["sums"]
    assert sums["deposit"] == {"amount": 500, "currency": "CNY"}
    then = server.get("/v1/shops/cups", as_at=opened["position"])
    assert then.json()["sums"][0]["deposit"]["amount"] == 0
    assert (then.headers["ETag"], answer.headers["ETag"]) == ('"1"', '"2"')
    late = server.post("/v1/shops/cups/pay-deposit", {"amount": 1}, If_Match=then.headers["ETag"])
    assert (late.status_code, late.json()["code"]) == (412, "version_changed")


def test_a_shop_that_nobody_knows(server: Served):
    answer = server.get("/v1/shops/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_shop")
