"""Traffic fines: every row is a step of a penalty, and only the order within a case matters."""

import random
from pathlib import Path
from typing import Any

import pytest

from api.importers.traffic_fines import ACTIVITIES
from ledger.decisions.base import replay
from ledger.decisions.fine import PayFine
from ledger.decisions.penalty import Penalty
from ledger.events.penalty import AppealAdvanced, FeeAdded, PenaltyAppealed, PenaltyImposed, PenaltyOverturned
from ledger.store.log import FactMapper, FactRecorder
from ledger.verify import verify
from projections.engine import Engine
from projections.penalties import report
from tests.api.importers.ledgers import Ledger, Row, write

FIGURES = {
    "currency": "EUR",
    "imposed": 34_558_000,
    "increased": 16_728_750,
    "fees": 8_663_210,
    "paid": 21_044_690,
    "outstanding": 37_865_770,
    "outstanding_count": 5_508,
    "overpaid": 135_180,
    "overpaid_count": 40,
    "settled_count": 4_314,
    "in_collection_count": 3_387,
    "appeals": {"prefecture": {"filed": 232, "upheld": 135}, "judge": {"filed": 19, "upheld": 3}},
    "owed_back": {"count": 0, "amount": 0},
}


def row(case: str, seq: int, activity: str, **cells: Any) -> Row:
    empty = dict.fromkeys(("article", "points", "amount_c", "expense_c", "payment_c", "dismissal"))
    when = f"2007-03-{seq + 1:02}T00:00:00+01:00"
    return {"case_id": case, "seq": seq, "activity": activity, "time:timestamp": when, **empty, **cells}


APPEALED = [
    row("A1", 0, "Create Fine", amount_c=3_600, article="157", points=2, dismissal="NIL"),
    row("A1", 1, "Send Fine", expense_c=1_300),
    row("A1", 2, "Insert Fine Notification"),
    row("A1", 3, "Payment", payment_c=1_000),
    row("A1", 4, "Insert Date Appeal to Prefecture"),
    row("A1", 5, "Add penalty", amount_c=7_400),
    row("A1", 6, "Send Appeal to Prefecture", dismissal="#"),
    row("A1", 7, "Receive Result Appeal from Prefecture"),
    row("A1", 8, "Notify Result Appeal to Offender"),
]
DENIED = [*APPEALED, row("A1", 9, "Appeal to Judge", dismissal="NIL")]
COLLECTED = [
    row("A2", 0, "Create Fine", amount_c=5_000),
    row("A2", 1, "Send Fine", expense_c=1_000),
    row("A2", 2, "Add penalty", amount_c=9_000),
    row("A2", 3, "Send for Credit Collection"),
]


def state(ledger: Ledger, case: str = "A1") -> Penalty:
    stored = FactRecorder(ledger.database).select_notifications(1, 100_000)
    facts = [FactMapper().to_domain_event(notification) for notification in stored]
    stream = f"penalty-{case}"
    found: Penalty = replay(stream, [recorded for recorded in facts if recorded.stream == stream])
    return found


def sums(ledger: Ledger) -> list[dict[str, Any]]:
    Engine(ledger.database).catch_up(names=("penalties",))
    return report(ledger.database)


def test_every_activity_is_told(ledger: Ledger, tmp_path: Path):
    found = ledger.load("traffic-fines", write(tmp_path / "fines.csv", [*DENIED, *COLLECTED]))
    assert (found["read"], found["recorded_rows"], found["refused"]) == (14, 14, [])
    documents = {kind: tuple(total.values()) for kind, total in found["documents"].items() if total["count"]}
    assert documents == {
        "fines": (2, 8_600),
        "fees": (2, 2_300),
        "notices": (1, 0),
        "payments": (1, 1_000),
        "appeals": (5, 0),
        "increases": (2, 16_400),
        "collections": (1, 0),
    }
    assert {each["activity"] for each in [*DENIED, *COLLECTED]} == set(ACTIVITIES)
    facts = ledger.facts("penalty-A1")
    assert facts[:3] == [
        PenaltyImposed("shop", "A1", "A1", "EUR", 3_600, 2, (), "article 157"),
        ledger.facts("penalty-A1")[1],
        FeeAdded("EUR", 1_300, "sending"),
    ]
    assert PenaltyAppealed("prefecture") in facts
    assert AppealAdvanced("prefecture", "notified") in facts
    assert ledger.balances() == {"bank": 1_000, "penalty_held:A1": 1_000}


def test_what_was_paid_on_an_upheld_case_is_owed_back(ledger: Ledger, tmp_path: Path):
    ledger.load("traffic-fines", write(tmp_path / "fines.csv", APPEALED))
    (found,) = sums(ledger)
    assert found["owed_back"] == {"count": 1, "amount": 1_000}
    assert (found["outstanding"], found["outstanding_count"]) == (0, 0)
    assert found["appeals"]["prefecture"] == {"filed": 1, "upheld": 1}
    assert any(isinstance(fact, PenaltyOverturned) for fact in ledger.facts())


def test_the_last_dismissal_counts(ledger: Ledger, tmp_path: Path):
    ledger.load("traffic-fines", write(tmp_path / "fines.csv", DENIED))
    (found,) = sums(ledger)
    assert found["owed_back"] == {"count": 0, "amount": 0}
    assert (found["outstanding"], found["outstanding_count"]) == (7_400 + 1_300 - 1_000, 1)
    assert found["appeals"] == {"prefecture": {"filed": 1, "upheld": 0}, "judge": {"filed": 1, "upheld": 0}}


def test_a_judge_upholds(ledger: Ledger, tmp_path: Path):
    rows = [*APPEALED, row("A1", 9, "Appeal to Judge", dismissal="G")]
    ledger.load("traffic-fines", write(tmp_path / "fines.csv", rows))
    (found,) = sums(ledger)
    assert found["appeals"] == {"prefecture": {"filed": 1, "upheld": 0}, "judge": {"filed": 1, "upheld": 1}}


def test_any_order_of_rows_ends_in_the_same_state(tmp_path: Path):
    ends = []
    for seed in range(8):
        rows = [*DENIED, *COLLECTED]
        random.Random(seed).shuffle(rows)
        with Ledger(f"sqlite:///{tmp_path / f'{seed}.db'}") as ledger:
            found = ledger.load("traffic-fines", write(tmp_path / f"{seed}.csv", rows))
            assert not found["refused"]
            known = state(ledger)
            assert not known.parked
            ends.append((sums(ledger), ledger.balances(), known.status))
    assert all(end == ends[0] for end in ends)


def test_again_nothing_is_new(ledger: Ledger, tmp_path: Path):
    path = write(tmp_path / "fines.parquet", APPEALED)
    ledger.load("traffic-fines", path)
    head = ledger.head()
    found = ledger.load("traffic-fines", path)
    assert (found["skipped"], found["recorded"], ledger.head()) == (len(APPEALED), 0, head)
    changed = [APPEALED[0] | {"amount_c": 3_601}]
    (refused,) = ledger.load("traffic-fines", write(tmp_path / "other.csv", changed))["refused"]
    assert refused["code"] == "changed_without_version"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"activity": "Eat Fine"}, "malformed"),
        ({"seq": -1}, "malformed"),
        ({"seq": None}, "malformed"),
        ({"amount_c": -5}, "malformed"),
        ({"amount_c": "5.5"}, "malformed"),
        ({"amount_c": 2**53}, "malformed"),
        ({"case_id": "A 1"}, "invalid_identifier"),
        ({"case_id": ""}, "invalid_identifier"),
        ({"time:timestamp": "soon"}, "invalid_time"),
    ],
)
def test_rows_that_cannot_be_recorded(ledger: Ledger, tmp_path: Path, cells: Row, code: str):
    rows = [APPEALED[0] | cells, *COLLECTED]
    found = ledger.load("traffic-fines", write(tmp_path / "fines.csv", rows))
    assert [(each["row"], each["code"]) for each in found["refused"]] == [(1, code)]
    assert found["recorded_rows"] == len(COLLECTED)


def test_a_payment_of_nothing_is_refused(ledger: Ledger, tmp_path: Path):
    rows = [*COLLECTED, row("A2", 4, "Payment")]
    (refused,) = ledger.load("traffic-fines", write(tmp_path / "fines.csv", rows))["refused"]
    assert (refused["row"], refused["code"]) == (5, "invalid_amount")


def test_a_shop_for_all_cases(ledger: Ledger, tmp_path: Path):
    ledger.load("traffic-fines", write(tmp_path / "fines.csv", COLLECTED), shop="police")
    assert state(ledger, "A2").shop == "police"


def test_commands_go_on_from_there(ledger: Ledger, tmp_path: Path):
    ledger.load("traffic-fines", write(tmp_path / "fines.csv", COLLECTED))
    ledger.do(PayFine(id="A2", amount=10_500))
    (found,) = sums(ledger)
    assert (found["overpaid"], found["overpaid_count"], found["paid"]) == (500, 1, 10_500)


@pytest.mark.slow
def test_the_real_file(ledger: Ledger, test_data: Path):
    path = test_data / "fines" / "fines_10k.parquet"
    found = ledger.load("traffic-fines", path)
    assert (found["read"], found["recorded_rows"], found["refused"]) == (34_724, 34_724, [])
    assert sums(ledger) == [FIGURES]
    Engine(ledger.database).rebuild(("penalties",))
    assert report(ledger.database) == [FIGURES]
    assert verify(ledger.database).ok


@pytest.mark.slow
def test_the_cases_of_the_real_file_in_any_order(tmp_path: Path, test_data: Path):
    """Cases told through each other, rows within a case out of order too."""
    from pyarrow import parquet  # noqa: PLC0415 - only here

    rows = parquet.read_table(test_data / "fines" / "fines_10k.parquet").to_pylist()
    random.Random(7).shuffle(rows)
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        found = ledger.load("traffic-fines", write(tmp_path / "fines.parquet", rows))
        assert (found["refused"], found["read"]) == ([], 34_724)
        assert sums(ledger) == [FIGURES]
        assert ledger.balances()["bank"] == FIGURES["paid"]
