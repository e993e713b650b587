"""The cases with the right answer, told over HTTP to a server of their own."""

from collections.abc import Sequence

import pytest

from tests.api.http.conftest import Served, served
from tests.cases import CASES, Do, Step
from tests.ledger.test_the_cases import moments


def balance(server: Served, account: str) -> int:
    """What an account holds, as its own address says; nothing if nobody ever moved anything on it."""
    answer = server.get(f"/v1/accounts/{account}")
    if answer.status_code == 404:
        assert answer.json()["code"] == "unknown_account"
        return 0
    return sum(each["amount"] for each in answer.json()["balances"])


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_case(database_url: str, steps: Sequence[Step]):
    with served(database_url) as server:
        for step, at in moments(steps):
            if not isinstance(step, Do):
                assert {account: balance(server, account) for account in step.balances} == step.balances
                continue
            collection, action = step.name.split(".")
            body = {**step.fields, "at": at.isoformat()}
            answer = server.post(f"/v1/{collection}/{step.id}/{action}", body, key=step.key)
            assert answer.json().get("code", "") == step.code, (step, answer.text)
