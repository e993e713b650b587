"""Reviews, votes, complaints, false claims and notices over HTTP: what is answered, and page by page."""

from typing import Any

import pytest

from tests.api.http.conftest import Served

WORDS = "0a" * 32
LINE = [{"sku": "cap", "title": "North cap", "amount": 1_000}]


def post(server: Served, path: str, **body: Any) -> int:
    """Post a command that is accepted; answers its position."""
    answer = server.post(f"/v1/{path}", body)
    assert answer.status_code == 200, answer.text
    position: int = answer.json()["position"]
    return position


def ask(server: Served, path: str, **query: Any) -> Any:
    answer = server.get(f"/v1/{path}", **query)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Ledger-Position"])
    return answer.json()


def bought(server: Served, order: str, shop: str, **fields: Any) -> None:
    body = {
        "shop": shop,
        "buyer": "CB",
        "host": "CH",
        "currency": "CNY",
        "lines": LINE,
        "settled": True,
    } | fields
    post(server, f"orders/{order}/record", **body)


@pytest.fixture(scope="module")
def said(server: Served) -> int:
    """Three orders of one buyer, of which two are reviewed; answers the last position."""
    for number in range(3):
        bought(server, f"com:{number}", "CS", at=f"2021-06-0{number + 1}T10:00:00+08:00")
    post(server, "reviews/CR1/invite", order="com:1", at="2021-06-05T10:00:00+08:00")
    post(server, "reviews/CR1/submit", order="com:1", quality=1, digest=WORDS, at="2021-06-12T23:59:59+08:00")
    post(server, "reviews/CR1/answer", by="host", digest=WORDS, at="2021-06-13T10:00:00+08:00")
    return post(server, "reviews/CR2/submit", order="com:2", service=5, at="2021-06-14T10:00:00+08:00")


def test_what_returning_customers_say(server: Served, said: int):
    found = ask(server, "shops/CS/reviews", after_position=said)
    first, second = found["says"]
    assert (first["id"], first["earlier_orders"], first["ratings"]) == ("CR1", 2, {"quality": 1})
    assert first["submitted_at"] == "2021-06-12T23:59:59+08:00"
    assert first["answers"] == [{"by": "host", "at": "2021-06-13T10:00:00+08:00", "digest": WORDS}]
    assert (second["ratings"], second["answers"], found["next"]) == ({"service": 5}, [], None)
    page = ask(server, "shops/CS/reviews", limit=1, returning="false")
    assert [each["id"] for each in page["says"]] == ["CR1"]
    bought(server, "com:9", "CS", buyer="other")
    post(server, "reviews/CR9/submit", order="com:9", quality=3)
    page = ask(server, "shops/CS/reviews", cursor=page["next"])
    assert [each["id"] for each in page["says"]] == ["CR2"]
    # The pages tell of one state: what was said since is on none of them.
    assert ask(server, "shops/CS/reviews", cursor=page["next"])["says"] == []
    then = ask(server, "shops/CS/reviews", as_of="2021-06-12T23:59:59+08:00")
    assert [(each["id"], each["answers"]) for each in then["says"]] == [("CR1", [])]
    assert ask(server, "shops/nobody/reviews")["says"] == []


def test_the_report_of_reviews(server: Served, said: int):
    days = {"from": "2021-06-01", "to": "2021-06-30"}
    found = ask(server, "reports/reviews", shop="CS", after_position=said, **days)
    figures = {"invited": 1, "in_time": 1, "rate": "100.0", "open": 0, "submitted": 2, "answered": 1}
    assert found == {"by": "month", "rows": [{"name": "2021-06", "figures": figures}], "total": figures}
    found = ask(server, "reports/reviews", shop="CS", by="shop", as_of="2021-06-11", **days)
    assert found["total"] == {
        "invited": 1,
        "in_time": 0,
        "rate": "0.0",
        "open": 1,
        "submitted": 0,
        "answered": 0,
    }
    assert server.get("/v1/reports/reviews", **{"from": "yesterday"}).status_code == 400


def test_votes(server: Served):
    for number, worth in enumerate((True, False, True)):
        post(server, f"votes/CV{number}/cast", item="cap", shop="CS", user=f"CU{number}", worth=worth)
    last = post(server, "votes/CV9/cast", item="pot", shop="CS", user="CU0", worth=False)
    again = server.post("/v1/votes/CV8/cast", {"item": "pot", "shop": "CS", "user": "CU0", "worth": True})
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (422, "already_voted", "user")
    found = ask(server, "votes", shop="CS", limit=1, after_position=last)
    (cap,) = found["results"]
    assert (cap["item"], cap["worth"], cap["not_worth"], cap["share"]) == ("cap", 2, 1, "66.7")
    (pot,) = ask(server, "votes", cursor=found["next"])["results"]
    assert (pot["item"], pot["share"]) == ("pot", "0.0")
    assert ask(server, "votes", shop="CS", item="pot")["results"] == [pot]
    assert ask(server, "votes", shop="CS", item="pot", as_at=last - 1)["results"] == []


def test_complaints(server: Served, said: int):
    assert said
    post(server, "complaints/CK1/record", order="com:1", reason="spoilt", at="2021-06-05T10:00:00+08:00")
    last = post(server, "complaints/CK2/record", order="com:2", reason="late", at="2021-07-05T10:00:00+08:00")
    found = ask(server, "reports/complaints", shop="CS", by="month", after_position=last)
    assert [(row["name"], row["reason"], row["complaints"]) for row in found["rows"]] == [
        ("2021-06", "spoilt", 1),
        ("2021-07", "late", 1),
    ]
    assert (found["complaints"], found["claimed"]) == (2, 0)
    assert ask(server, "reports/complaints", shop="CS", to="2021-06-30")["complaints"] == 1
    stranger = server.post("/v1/complaints/CK3/record", {"order": "com:1", "reason": "late", "buyer": "B0"})
    assert (stranger.status_code, stranger.json()["code"]) == (422, "not_the_buyer")


def test_false_claims(server: Served):
    post(server, "hosts/CH/open")
    post(server, "sessions/CL/begin", host="CH")
    said = {"session": "CL", "statement": "silver"}
    for number in range(9):
        post(server, f"reports/CF{number}/file", user=f"CU{number}", **said)
    post(server, "reports/CF/file", session="CL", statement="last-one", user="CU1")
    answer = server.post("/v1/reports/CF9/file", said | {"user": "CU9"})
    assert [fact["type"] for fact in answer.json()["facts"]] == ["false-claim-reported", "host-reminded"]
    found = ask(server, "false-claims", session="CL", limit=1, after_position=answer.json()["position"])
    assert [each["statement"] for each in found["statements"]] == ["last-one"]
    (silver,) = ask(server, "false-claims", cursor=found["next"])["statements"]
    assert (silver["reports"], silver["weight"], silver["reminders"], silver["penalty"]) == (10, 10, 1, "")
    assert len(ask(server, "false-claims", host="CH")["statements"]) == 2
    post(server, "reports/CF0/decide", upheld=False)
    last = post(server, "reports/CF1/decide", upheld=True)
    waiting = ask(server, "false-claims/reports", session="CL", status="filed", limit=8, after_position=last)
    assert [each["id"] for each in waiting["reports"]] == [*(f"CF{n}" for n in range(2, 9)), "CF"]
    (report,) = ask(server, "false-claims/reports", cursor=waiting["next"])["reports"]
    assert (report["id"], report["by"], report["machine"], report["weight"]) == ("CF9", "CU9", False, 1)
    unknown = server.post("/v1/reports/none/decide", {"upheld": True})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_report")


def test_a_notice_means_the_lines_of_its_brand(server: Served):
    lines = [*LINE, {"sku": "cap", "title": "South cap", "amount": 1_000}]
    post(server, "orders/com:30/place", shop="CS", buyer="CB", currency="CNY", lines=lines)
    for brand in ("north", "south"):
        post(server, f"brands/c-{brand}/register", names=[brand])
    notice = {"source": "c-south", "skus": ["cap"], "evidence": WORDS}
    post(server, "notices/CN1/share", brand="c-north", **notice)
    last = post(server, "notices/CN2/share", brand="c-south", **notice)
    found = ask(server, "notices/CN1", after_position=last)
    assert (found["brand"], found["status"], found["names"]) == ("c-north", "shared", ["north"])
    assert [(each["order"], each["line"], each["why"]) for each in found["lines"]] == [
        ("com:30", 1, ["sku cap"])
    ]
    assert [each["line"] for each in ask(server, "notices/CN2")["lines"]] == [2]
    page = ask(server, "notices", limit=1, brand="c-south")
    assert [each["id"] for each in page["notices"]] == ["CN2"]
    page = ask(server, "notices", limit=1)
    assert page["next"]
    assert ask(server, "notices", cursor=page["next"])["notices"] != page["notices"]
    post(server, "notices/CN1/withdraw", reason="a mistake")
    assert ask(server, "notices/CN1", as_at=last)["lines"]
    assert ask(server, "notices/CN1")["lines"] == []
    unknown = server.get("/v1/notices/none")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_notice")
