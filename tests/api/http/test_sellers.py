"""Hosts, service providers, and marks over HTTP."""

from tests.api.http.conftest import Served

LABEL = "insufficient"


def test_a_host_and_its_provider(server: Served):
    for path, body in (
        ("/v1/providers/agency/admit", {"plan": "wind-maker"}),
        ("/v1/shops/pots/open", {"name": "Pots"}),
        ("/v1/hosts/ann/open", {"name": "Ann"}),
        ("/v1/hosts/ann/change-provider", {"provider": "agency"}),
        ("/v1/shops/pots/change-provider", {"provider": "agency"}),
    ):
        assert server.post(path, body).status_code == 200
    server.placed("http:1", shop="pots", host="ann")
    last = server.post("/v1/orders/http:1/pay", {"cash": 1000}).json()["position"]
    host = server.get("/v1/hosts/ann", after_position=last)
    assert host.status_code == 200, host.text
    found = host.json()
    assert (found["status"], found["provider"], found["index"]["score"]["label"]) == ("open", "agency", LABEL)
    assert int(host.headers["Ledger-Position"]) >= last
    assert host.headers["ETag"] == '"2"'
    provider = server.get("/v1/providers/agency", after_position=last).json()
    assert [(each["party"], each["id"]) for each in provider["served"]] == [("host", "ann"), ("shop", "pots")]
    assert [(each["orders"], each["amount"]) for each in provider["sales"]] == [
        (1, {"amount": 1000, "currency": "CNY"})
    ]
    assert server.get("/v1/shops/pots").json()["provider"] == "agency"
    refused = server.post("/v1/shops/pots/change-provider", {"provider": "nobody"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_provider")


def test_nobody_knows_them(server: Served):
    for path, code in (("/v1/hosts/x", "unknown_host"), ("/v1/providers/x", "unknown_provider")):
        answer = server.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_a_campaign_that_is_refused_is_answered_and_kept(server: Served):
    server.post("/v1/shops/mugs/open", {})
    answer = server.post("/v1/shops/mugs/enter-campaign", {"campaign": "sale-11"})
    assert answer.status_code == 200, answer.text
    (event,) = server.get("/v1/events", after=answer.json()["position"] - 1, limit=1).json()["events"]
    assert event["type"] == "campaign-refused"
    assert [each["figure"] for each in event["data"]["grounds"] if not each["met"]] == ["badges"]
    shop = server.get("/v1/shops/mugs").json()
    assert (shop["campaigns"], shop["badges"]) == ([], [])


def test_figures_explained(server: Served):
    server.post("/v1/shops/jars/open", {})
    last = server.post("/v1/hosts/bea/open", {}).json()["position"]
    for figure in (
        "shop:jars/experience",
        "shop:jars/badge/trust-purchase",
        "shop:jars/traffic",
        "host:bea/index",
    ):
        answer = server.get(f"/v1/explain/{figure}", after_position=last)
        assert answer.status_code == 200, answer.text
        assert answer.json()["figure"] == figure
    lacks = server.get("/v1/explain/shop:jars/badge/trust-purchase").json()
    assert lacks["value"] == "not held"
    assert {each["name"] for each in lacks["components"] if each["inputs"].endswith("not met")} == {
        "benefits"
    }
