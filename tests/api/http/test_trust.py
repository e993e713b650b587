"""The yearly trust report and the uplift report over HTTP."""

from typing import Any

from tests.api.http.conftest import Served

AT = "2031-03-01T12:00:00+08:00"


def row(report: Any, name: str) -> Any:
    """The first row of a figure."""
    figures = {figure["name"]: figure for section in report["sections"] for figure in section["figures"]}
    return figures[name]["rows"][0]


def test_the_report_of_a_year(server: Served):
    server.post("/v1/orders/trust:1/place", {"shop": "ST", "buyer": "BT", "currency": "CNY", "at": AT,
                                             "lines": [{"sku": "A", "amount": 500}]})  # fmt: skip
    answer = server.post("/v1/orders/trust:1/pay", {"cash": 500, "at": AT})
    position = answer.json()["position"]
    answer = server.get("/v1/reports/trust", year=2031, after_position=position)
    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert (report["year"], report["over"]) == (2031, False)
    assert int(answer.headers["Ledger-Position"]) == report["position"] >= position
    assert row(report, "orders.paid")["value"] == {"amount": 1, "whole": None, "percent": None}
    assert row(report, "cards.uptake")["value"] == {"amount": 0, "whole": 1, "percent": "0.0"}
    assert row(report, "orders.paid")["before_unknown"] == "the ledger holds nothing of 2030"
    then = server.get("/v1/reports/trust", year=2031, as_at=position - 1).json()
    assert row(then, "orders.paid")["unknown"] == "the ledger holds nothing of 2031"
    assert server.get("/v1/reports/trust", year=1).status_code == 400
    assert server.get("/v1/reports/trust").status_code == 400


def test_a_report_waits_for_a_write_only_so_long(server: Served):
    answer = server.get("/v1/reports/trust", year=2031, after_position=2**40)
    assert (answer.status_code, answer.json()["code"]) == (503, "projection_behind")


def test_uplift_by_shop(server: Served):
    first = {
        "version": "1",
        "effective_from": "2031-01-01T00:00:00+08:00",
        "force": True,
        "reason": "the first",
    }
    rule = {"family": "refund", "formula": "refund", "refund": True, "payers": ["escrow"]}
    published = server.post("/v1/policies/uplift-test/publish", first | {"rule": rule})
    assert published.status_code == 200, published.text
    server.post("/v1/shops/SU/open", {"at": AT})
    opened = server.post("/v1/shops/SU/open-benefit", {"benefit": "uplift-test", "at": AT})
    assert opened.status_code == 200, opened.text
    visits = server.post("/v1/visits/SU/record", {"day": "2021-03-01", "visits": 90})
    position = visits.json()["position"]
    answer = server.get("/v1/reports/uplift", year=2031, shop="SU", window=7, after_position=position)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["openings"]
    assert (found["shop"], found["benefit"], found["day"], found["over"]) == (
        "SU",
        "uplift-test",
        "2031-03-01",
        False,
    )
    assert found["orders"]["unknown"] == found["conversion"]["unknown"] == "no window is over"
    assert answer.json()["next"] is None
    assert server.get("/v1/reports/uplift", year=2031, window=0).status_code == 400


def test_uplift_page_by_page(server: Served):
    for shop in ("SV", "SW"):
        server.post(f"/v1/shops/{shop}/open", {"at": AT})
        answer = server.post(
            f"/v1/shops/{shop}/open-benefit", {"benefit": "uplift-test", "at": AT.replace("31", "32")}
        )
        assert answer.status_code == 200, answer.text
    asked = {"year": 2032, "window": 5, "limit": 1, "after_position": answer.json()["position"]}
    first = server.get("/v1/reports/uplift", **asked).json()
    assert [each["shop"] for each in first["openings"]] == ["SV"]
    second = server.get("/v1/reports/uplift", year=1999, cursor=first["next"]).json()
    assert ([each["shop"] for each in second["openings"]], second["year"], second["window"]) == (
        ["SW"],
        2032,
        5,
    )
    assert second["next"] is None
    wrong = server.get("/v1/reports/uplift", year=2032, cursor="made up")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "invalid_cursor")
