"""Penalties over HTTP: the register answers everybody, one penalty whoever has a key."""

import httpx2
import pytest

from tests.api.http.conftest import Served

PUBLISHED = "2021-06-11T12:00:00+08:00"


def publish(server: Served, id_: str, shop: str, fine: int = 1000) -> int:
    """Impose and publish; answers the position."""
    body = {"party": "shop", "party_id": shop, "fine": fine, "points": 2, "reason": "fakes"}
    at = "2021-06-10T12:00:00+08:00"
    for action, said in (("impose", {**body, "at": at}), ("publish", {"at": PUBLISHED})):
        answer = server.post(f"/v1/penalties/{id_}/{action}", said)
        assert answer.status_code == 200, answer.text
    position: int = answer.json()["position"]
    return position


def test_the_register_needs_no_key(server: Served):
    position = publish(server, "r1", "R1")
    answer = httpx2.get(f"{server.url}/v1/penalties", params={"after_position": position, "shop": "R1"})
    assert answer.status_code == 200
    assert int(answer.headers["Ledger-Position"]) >= position
    assert answer.json() == {
        "penalties": [
            {
                "id": "r1",
                "status": "published",
                "party": "shop",
                "party_id": "R1",
                "shop": "R1",
                "reason": "fakes",
                "fine": {"amount": 1000, "currency": "CNY"},
                "points": 2,
                "measures": [],
                "imposed_at": "2021-06-10T12:00:00+08:00",
                "published_at": PUBLISHED,
                "appeals": [],
                "ruling": "",
                "ruled_by": "",
            }
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    "path", ["/v1/penalties/r1", "/v1/penalties/", "/v1/penalties/r1/publish", "/v1/orders/p:1"]
)
def test_nothing_else_is_open(server: Served, path: str):
    assert httpx2.get(server.url + path).status_code == 401
    assert httpx2.post(server.url + "/v1/penalties").status_code == 401


def test_what_is_not_published_is_not_shown(server: Served):
    body = {"party": "shop", "party_id": "U1", "fine": 1000, "reason": "fakes"}
    position = server.post("/v1/penalties/u1/impose", body).json()["position"]
    found = server.get("/v1/penalties", shop="U1", after_position=position).json()
    assert found == {"penalties": [], "next": None}


def test_the_register_page_by_page(server: Served):
    for number in range(5):
        position = publish(server, f"page{number}", "P1")
    answer = server.get("/v1/penalties", shop="P1", limit=2, after_position=position).json()
    publish(server, "page-late", "P1")
    found = [answer["penalties"]]
    while answer["next"]:
        answer = httpx2.get(f"{server.url}/v1/penalties", params={"cursor": answer["next"]}).json()
        found.append(answer["penalties"])
    assert [[each["id"] for each in page] for page in found] == [
        ["page0", "page1"],
        ["page2", "page3"],
        ["page4"],
    ]
    assert server.get("/v1/penalties", cursor="mine").json()["code"] == "invalid_cursor"


def test_the_register_on_both_clocks(server: Served):
    position = publish(server, "c1", "C1")
    last = server.post("/v1/penalties/c1/appeal").json()["position"]
    then = server.get("/v1/penalties", shop="C1", as_at=position).json()["penalties"]
    assert [each["status"] for each in then] == ["published"]
    now = server.get("/v1/penalties", shop="C1", after_position=last).json()["penalties"]
    assert [(each["status"], each["appeals"]) for each in now] == [("appealed", ["first"])]
    before = server.get("/v1/penalties", shop="C1", as_of="2021-06-11", after_position=last).json()
    assert before["penalties"] == []


def test_a_penalty_with_its_money(server: Served):
    publish(server, "m1", "M1")
    server.post("/v1/penalties/m1/pay", {"amount": 1500})
    server.post("/v1/penalties/m1/appeal", {"reason": "not fake"})
    position = server.post("/v1/penalties/m1/vary", {"total": 400, "reason": "one of three"}).json()[
        "position"
    ]
    answer = server.get("/v1/penalties/m1")
    found = answer.json()
    assert int(answer.headers["Ledger-Position"]) >= position == found["position"]
    sums = {
        name: found[name]["amount"]
        for name in ("imposed", "fine", "paid", "held", "owed_back", "outstanding")
    }
    assert sums == {
        "imposed": 1000,
        "fine": 400,
        "paid": 1500,
        "held": 1500,
        "owed_back": 1100,
        "outstanding": 0,
    }
    assert (found["ruling"], found["ruled_by"], found["appeals"]) == ("varied", "first", ["first"])
    assert found["times"].keys() == {"imposed", "published", "appealed", "varied"}
    early = server.get("/v1/penalties/m1", as_of="2021-06-12T00:00:00+08:00").json()
    assert (early["status"], early["paid"]["amount"]) == ("published", 0)
    missing = server.get("/v1/penalties/m9")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_penalty")
