"""Whether the server is well and how far its read models are, over HTTP."""

from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import update

from api.http import health
from projections.catalogue import PROJECTIONS
from projections.store import checkpoints
from tests.api.http.conftest import Served


def settled(server: Served) -> None:
    """Wait until every read model has seen everything."""
    deadline = monotonic() + 20
    while any(model["lag"] for model in models(server).values()):
        assert monotonic() < deadline
        sleep(0.02)


def models(server: Served) -> dict[str, dict[str, Any]]:
    return {model["name"]: model for model in server.get("/v1/projections").json()["read_models"]}


def test_read_models_and_where_they_stand(server: Served):
    position = server.paid("h:1").json()["position"]
    settled(server)
    answer = server.get("/v1/projections")
    assert int(answer.headers["Ledger-Position"]) >= position
    found = models(server)
    assert set(found) == {projection.name for projection in PROJECTIONS}
    assert found["refunds"] == {
        "name": "refunds", "version": 1, "position": position, "lag": 0, "seconds": 0,
        "stopped_at": None, "reason": "", "kept": None,
    }  # fmt: skip
    assert server.get("/health").json() == {"status": "ok", "position": position, "read_models": "current"}


def test_one_that_has_stopped_is_shown_until_its_fact_is_left_out(server: Served):
    position = server.paid("h:2").json()["position"]
    settled(server)
    stopped = update(checkpoints).where(checkpoints.c.name == "policies")
    with server.database.write() as connection:
        connection.execute(stopped.values(failed_position=position, reason="ValueError: of no use"))
    found = models(server)["policies"]
    assert (found["stopped_at"], found["reason"]) == (position, "ValueError: of no use")
    assert server.get("/health").json()["read_models"] == "stopped"
    behind = server.get("/v1/orders/h:2", after_position=position + 1_000)
    assert (behind.status_code, behind.json()["code"]) == (503, "projection_behind")
    assert (behind.headers["Retry-After"], behind.json()["field"]) == ("1", "after_position")
    assert int(behind.headers["Ledger-Position"]) >= position
    skipped = server.post("/v1/projections/policies/skip", {"position": position, "reason": "of no use"})
    assert skipped.status_code == 200, skipped.text
    settled(server)
    assert models(server)["policies"]["reason"] == ""
    assert server.get("/health").json()["read_models"] == "current"
    again = server.post("/v1/projections/policies/skip", {"position": position, "reason": "of no use"})
    assert (again.status_code, again.json()["code"], again.json()["field"]) == (
        422,
        "wrong_state",
        "position",
    )


def test_one_of_another_version_is_behind(server: Served):
    settled(server)
    mine = checkpoints.c.name == "policies"
    for version, word in ((0, "behind"), (1, "current")):
        with server.database.write() as connection:
            connection.execute(update(checkpoints).where(mine).values(version=version))
        assert server.get("/health").json()["read_models"] == word


def test_one_that_lets_facts_wait_is_behind(server: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health, "BEHIND_S", 0)
    assert server.get("/health").json()["read_models"] == "behind"
