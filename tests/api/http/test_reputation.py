"""A shop's index over HTTP: components, peers, facts, snapshot, on both clocks, and explained."""

from tests.api.http.conftest import Served

DAY = "2021-07-10"


def sold(server: Served, shop: str, *buyers: str) -> int:
    """Orders of a shop in June of 2021; the position of the last fact."""
    server.post(f"/v1/shops/{shop}/open", {"industry": f"tea-{shop[:2]}", "at": "2021-06-01T12:00:00+08:00"})
    position = 0
    for number, buyer in enumerate(buyers):
        id_, at = f"rep:{shop}-{number}", f"2021-06-{11 + number}T12:00:00+08:00"
        server.placed(id_, shop=shop, buyer=buyer, at=at)
        position = server.post(f"/v1/orders/{id_}/pay", {"cash": 1000, "at": at}).json()["position"]
    return position


def test_the_index_of_a_shop(server: Served):
    sold(server, "R1a", "b1", "b1")
    position = sold(server, "R1b", "b1", "b2")
    answer = server.get("/v1/shops/R1a/reputation", day=DAY, after_position=position)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Ledger-Position"]) >= position
    found = answer.json()
    assert (found["id"], found["industry"], found["day"], found["formula"]) == ("R1a", "tea-R1", DAY, "1")
    score = found["score"]
    assert (score["index"], score["exact"], score["label"], score["orders"]) == (
        "56.3",
        "225/4",
        "insufficient",
        2,
    )
    assert (found["mean"], found["rank"], found["ranked"], found["peers"], found["snapshot"]) == (
        None,
        None,
        0,
        None,
        None,
    )
    repeat, spread = score["components"][0], found["metrics"][0]["spread"]
    assert (repeat["numerator"], repeat["n"], repeat["peers_n"], repeat["percentile"]) == (1, 1, 3, "75")
    assert (spread["among"], spread["most"]) == (2, "0.3464")
    facts = {each["figure"]: each for each in found["facts"]}
    assert facts["orders"]["count"] == len(facts["orders"]["positions"]) == 2
    assert "deduction" not in facts
    few = server.get("/v1/shops/R1a/reputation", day=DAY, limit=1).json()["facts"][0]
    assert (few["count"], few["positions"]) == (2, facts["orders"]["positions"][:1])
    explained = server.get("/v1/explain/shop:R1a/index", day=DAY).json()
    assert (explained["value"], explained["components"][0]["positions"]) == (
        "56.3",
        facts["orders"]["positions"],
    )


def test_a_voided_order_is_gone_now_and_there_then(server: Served):
    sold(server, "R2a", "b1", "b1")
    before = sold(server, "R2b", "b1", "b2")
    at = "2021-07-20T12:00:00+08:00"
    position = server.post("/v1/orders/rep:R2a-0/void", {"reason": "brushing", "at": at}).json()["position"]

    def index(**clock: object) -> str:
        answer = server.get("/v1/shops/R2a/reputation", day=DAY, **clock)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["score"]["index"]
        return found

    assert index(after_position=position) == "50.0"
    assert index(as_at=before) == index(as_of="2021-07-20T11:00:00+08:00") == "56.3"


def test_a_snapshot_is_shown_with_its_day(server: Served):
    position = sold(server, "R3", "b1", "b1")
    empty = dict.fromkeys(("numerator", "n", "peers_numerator", "peers_n", "lower", "equal", "among"), 0)
    names = (
        "repeat_rate",
        "dissatisfaction",
        "quality_refunds",
        "handling_time",
        "service",
        "logistics",
        "content",
    )
    taken = {
        "day": DAY, "at": f"{DAY}T06:00:00+08:00", "position": position, "industry": "tea-R3", "purchases": 2,
        "components": [{"metric": name, **empty} for name in names],
    }  # fmt: skip
    kept = server.post("/v1/scores/R3/take", taken)
    assert kept.status_code == 200, kept.text
    here = kept.json()["position"]
    assert server.get("/v1/shops/R3/reputation", day=DAY, after_position=here).json()["snapshot"] == {
        "day": DAY, "index": "50.0", "label": "insufficient", "formula": "1", "position": here, "counted_at": position,
    }  # fmt: skip
    assert server.get("/v1/shops/R3/reputation", day="2021-07-09").json()["snapshot"] is None
    again = server.post("/v1/scores/R3/take", taken | {"points": 5})
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (409, "already_exists", "day")


def test_what_there_is_not(server: Served):
    unknown = server.get("/v1/shops/R9/reputation", day=DAY)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_shop")
    wrong = server.get("/v1/shops/R9/reputation", day="June")
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["field"]) == (400, "invalid_time", "day")
