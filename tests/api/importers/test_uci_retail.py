"""UCI Online Retail: what each kind of invoice becomes, to the penny, and that none is lost or told twice."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.importers import runner
from ledger.errors import Malformed
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.order import Line, OrderPaid, OrderPlaced, OrderSettled
from ledger.events.refund import RefundCompleted, RefundLine
from tests.api.importers.ledgers import Ledger, Row, invoice, write

TEA, POT = ("22423", 2, 12750), ("85123A", 6, 2550)

SHOP: list[Row] = [
    *invoice("536365", TEA, POT),
    *invoice("536366", ("21777", 1, 7950)),
    # C536367 lies inside 536368, and two of its lines are the same.
    *invoice("536368", TEA, TEA, buyer=None),
    *invoice("C536367", ("22423", -1, 12750), ("M", -2, 1)),
    *invoice("536368", POT, buyer=None, InvoiceDate="2010-12-01T08:25:00"),
    *invoice("536369", ("POST", 1, 0), buyer=None, Description=None),
    *invoice("536370", ("23003", -10, 0), Description="thrown away"),
    *invoice("536371", ("BANK CHARGES", 1, 15005), ("M", 1, 1), ("M", 1, 15), Description="charge"),
    *invoice("A536372", ("B", 1, -11062060), buyer=None, Description="Adjust bad debt"),
    *invoice("536373", ("21777", 3, 7950), InvoiceDate="2011-06-01T12:00:00"),
]


def read(
    ledger: Ledger, tmp_path: Path, rows: list[Row], name: str = "shop.csv", **how: Any
) -> dict[str, Any]:
    return ledger.load("uci-retail", write(tmp_path / name, rows), **how)


def test_each_kind_of_invoice(ledger: Ledger, tmp_path: Path):
    report = read(ledger, tmp_path, SHOP)

    assert report == {
        "read": 15,
        "recorded": 23,
        "skipped": 0,
        "parked": 0,
        "refused": [],
        "recorded_rows": 15,
        "documents": {
            "sales": {"count": 7, "amount": 4080 + 795 + 6630 + 0 + 0 + 1503 + 2385},
            "refunds": {"count": 1, "amount": 1275},
            "adjustments": {"count": 1, "amount": -1_106_206},
        },
        "first_position": 1,
        "last_position": 23,
    }
    assert ledger.facts("order-uci:536365") == [
        OrderPlaced(
            "uci",
            "17850",
            "GBP",
            (
                Line("22423", "22423 OF THE SHOP", 2, 2550),
                Line("85123A", "85123A OF THE SHOP", 6, 1530),
            ),
        ),
        OrderPaid("GBP", 4080, 0, (2550, 1530), (0, 0)),
        OrderSettled("uci", "", "GBP", 4080, 0, 0, 0, 0),
    ]
    (refund,) = ledger.facts("refund-uci:C536367")
    assert isinstance(refund, RefundCompleted)
    assert (refund.order, refund.shop, refund.cash, refund.coupon) == ("", "uci", 1275, 0)
    assert refund.lines == (RefundLine(0, "22423", 1, 1275), RefundLine(0, "M", 2, 0))
    assert ledger.facts("adjustment-uci:A536372") == [
        AdjustmentRecorded("uci", "GBP", -1_106_206, "Adjust bad debt")
    ]
    assert ledger.balances() == {"bank": 14118, "shop_payable:uci": 14118}


def test_lines_apart_are_one_invoice_at_its_earliest_time(ledger: Ledger, tmp_path: Path):
    read(ledger, tmp_path, SHOP)

    placed, *_ = ledger.facts("order-uci:536368")
    assert isinstance(placed, OrderPlaced)
    assert (placed.buyer, [line.amount for line in placed.lines]) == ("", [2550, 2550, 1530])
    times = {row[1]: (row[3].effective_at, row[3].offset) for row in ledger.log()}
    assert times["order-uci:536368"] == (1_291_191_900_000_000, 0)
    assert times["order-uci:536373"] == (1_306_926_000_000_000, 60)  # summer time


@pytest.mark.parametrize(
    ("number", "marks", "lines"),
    [
        ("536369", ("zero_value",), (Line("POST", "", 1, 0),)),
        ("536370", ("negative_quantity",), (Line("23003", "thrown away", -10, 0),)),
        # 15.005 is 15.01, 0.001 is 0.00, 0.015 is 0.02: rounded on the line, not on their sum
        ("536371", (), (Line("BANK CHARGES", "charge", 1, 1501), Line("M", "charge", 1, 0), Line("M", "charge", 1, 2))),
    ],
)  # fmt: skip
def test_odd_invoices_are_recorded_and_marked(
    number: str, marks: tuple[str, ...], lines: tuple[Line, ...], ledger: Ledger, tmp_path: Path
):
    read(ledger, tmp_path, SHOP)

    placed, *_ = ledger.facts(f"order-uci:{number}")
    assert isinstance(placed, OrderPlaced)
    assert (placed.marks, placed.lines) == (marks, lines)
    assert ledger.topics(f"order-uci:{number}") == ["order-placed", "order-paid", "order-settled"]


def test_every_format_gives_the_same_facts(sqlite_url: str, tmp_path: Path):
    logs = []
    for suffix in ("csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"):
        with Ledger(f"{sqlite_url}-{suffix}") as ledger:
            read(ledger, tmp_path, SHOP, f"shop.{suffix}")
            logs.append(ledger.log())
    assert all(log == logs[0] for log in logs)


def test_numbers_that_another_tool_made_fractions_of_are_the_same(sqlite_url: str, tmp_path: Path):
    logs = []
    for number, buyer in enumerate((17850, "17850.0", "17850", 17850.0)):
        with Ledger(f"{sqlite_url}-{number}") as ledger:
            read(ledger, tmp_path, [row | {"CustomerID": buyer, "more": 1} for row in SHOP])
            logs.append(ledger.log())
    assert all(log == logs[0] for log in logs)


def test_a_second_import_records_nothing(ledger: Ledger, tmp_path: Path):
    first = read(ledger, tmp_path, SHOP)
    before = ledger.log()

    again = read(ledger, tmp_path, SHOP, "again.parquet")

    assert again == first | {
        "recorded": 0,
        "recorded_rows": 0,
        "skipped": 15,
        "first_position": 0,
        "last_position": 0,
    }
    assert ledger.log() == before


def test_more_of_the_file_is_added_and_a_changed_invoice_refused(ledger: Ledger, tmp_path: Path):
    read(ledger, tmp_path, SHOP[:2])
    changed = [SHOP[0] | {"Quantity": 3}, *SHOP[1:]]

    report = read(ledger, tmp_path, changed)

    assert [(entry["row"], entry["code"]) for entry in report["refused"]] == [
        (1, "changed_without_version"),
        (2, "changed_without_version"),
    ]
    assert (report["recorded_rows"], report["skipped"], report["first_position"]) == (13, 0, 4)
    assert report["documents"]["sales"]["count"] == 7
    (placed, *_) = ledger.facts("order-uci:536365")
    assert isinstance(placed, OrderPlaced)
    assert placed.lines[0].quantity == 2


@pytest.mark.parametrize("change", [{"Description": "other"}, {"Country": "France"}, {"CustomerID": 1}])
def test_any_change_of_an_invoice_is_seen(change: Row, ledger: Ledger, tmp_path: Path):
    read(ledger, tmp_path, SHOP)

    report = read(ledger, tmp_path, [SHOP[0], SHOP[1] | change, *SHOP[2:]])

    assert {entry["code"] for entry in report["refused"]} == {"changed_without_version"}
    assert report["skipped"] == 13


def test_a_dry_run_keeps_nothing(ledger: Ledger, tmp_path: Path):
    report = read(ledger, tmp_path, SHOP, dry_run=True)

    assert (report["recorded"], report["recorded_rows"], ledger.head()) == (23, 15, 0)
    assert read(ledger, tmp_path, SHOP) == report


def test_shop_and_platform_may_be_named(ledger: Ledger, tmp_path: Path):
    read(ledger, tmp_path, SHOP, shop="teahouse", platform="web")

    (placed, *_) = ledger.facts("order-web:536365")
    assert isinstance(placed, OrderPlaced)
    assert placed.shop == "teahouse"
    assert ledger.balances() == {"bank": 14118, "shop_payable:teahouse": 14118}
    assert ledger.log()[0][3].key == "uci-retail/web:536365"


def test_several_files_say_which_one_refused(ledger: Ledger, tmp_path: Path):
    good, bad = write(tmp_path / "good.csv", SHOP[:2]), write(tmp_path / "bad.csv", invoice("B1", TEA))

    report = ledger.load("uci-retail", good, bad)

    assert report["read"] == 3
    (entry,) = report["refused"]
    assert (entry["row"], entry["reason"][:9]) == (1, "bad.csv: ")


HOSTILE = [
    #  what is wrong with the first of two lines    code
    ({"Quantity": "six"},                          "malformed"),
    ({"Quantity": "6.5"},                          "malformed"),
    ({"Quantity": "1_000"},                        "malformed"),
    ({"Quantity": "٣"},                            "malformed"),
    ({"Quantity": ""},                             "malformed"),
    ({"Quantity": 2_000_000_000},                  "malformed"),
    ({"unit_price_mils": "NaN"},                   "malformed"),
    ({"unit_price_mils": "-inf"},                  "malformed"),
    ({"unit_price_mils": 10**29},                  "malformed"),
    ({"unit_price_mils": "1" * 5000},              "malformed"),
    ({"unit_price_mils": (2**53 - 1) * 10},        "malformed"),
    ({"InvoiceDate": "tomorrow"},                  "invalid_time"),
    ({"InvoiceDate": "2010-13-01T00:00:00"},       "invalid_time"),
    ({"InvoiceDate": "99999-01-01T00:00:00"},      "invalid_time"),
    ({"InvoiceDate": ""},                          "invalid_time"),
    ({"StockCode": ""},                            "malformed"),
    ({"StockCode": "x" * 129},                     "malformed"),
    ({"Description": "x" * 1001},                  "malformed"),
    ({"CustomerID": "a b"},                        "invalid_identifier"),
    ({"CustomerID": "x" * 129},                    "invalid_identifier"),
    ({"CustomerID": "a\x00b"},                     "invalid_identifier"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code"), HOSTILE)
@pytest.mark.parametrize("letter", ["", "C", "A"])
def test_what_cannot_be_read_refuses_its_invoice_whole(
    wrong: Row, code: str, letter: str, sqlite_url: str, tmp_path: Path
):
    rows = [*SHOP[:2], *invoice(f"{letter}9", TEA, POT), *SHOP[2:3]]
    rows[2] |= wrong

    with Ledger(sqlite_url) as ledger:
        report = read(ledger, tmp_path, rows)

        assert [(entry["row"], entry["code"]) for entry in report["refused"]] == [(3, code), (4, code)]
        assert report["recorded_rows"] == 3
        assert {row[1] for row in ledger.log()} == {"order-uci:536365", "order-uci:536366"}


@pytest.mark.parametrize("number", ["B1", "c1", "AC1", "1C", "C", "", " 1", "1 2", "1" * 128, "1\n"])
def test_what_is_no_invoice_number_is_refused(number: str, sqlite_url: str, tmp_path: Path):
    with Ledger(sqlite_url) as ledger:
        report = read(ledger, tmp_path, [*SHOP[:2], *invoice(number, TEA, POT)])

        assert [entry["row"] for entry in report["refused"]] == [3, 4]
        assert {entry["code"] for entry in report["refused"]} <= {"invalid_identifier", "malformed"}
        assert ledger.topics() == ["order-placed", "order-paid", "order-settled"]


def test_sums_beyond_what_the_books_hold_are_refused_one_by_one(ledger: Ledger, tmp_path: Path):
    most = (2**53 - 1) * 10
    rows = [row for number in range(1200) for row in invoice(str(number), ("1", 1, most))]

    report = read(ledger, tmp_path, [*rows, *SHOP])

    assert report["recorded_rows"] + len(report["refused"]) == len(rows) + 15
    assert ledger.balances()["bank"] == ledger.balances()["shop_payable:uci"] < 2**63


def test_names_that_no_ledger_keeps_are_refused_before_anything_is_read(ledger: Ledger, tmp_path: Path):
    for options in ({"platform": "a:b"}, {"platform": "a b"}, {"shop": "x" * 129}, {"shop": "a\n"}):
        with pytest.raises(Malformed):
            read(ledger, tmp_path, SHOP, **options)
    assert ledger.head() == 0


@pytest.mark.parametrize("column", list(SHOP[0]))
def test_a_column_that_is_missing_is_named(column: str, ledger: Ledger, tmp_path: Path):
    rows = [{name: cell for name, cell in row.items() if name != column} for row in SHOP]
    if column == "Country":  # which no fact keeps
        assert read(ledger, tmp_path, rows)["recorded_rows"] == 15
        return
    with pytest.raises(Malformed, match=rf"shop\.csv: there is no column {column}\."):
        read(ledger, tmp_path, rows)
    assert ledger.head() == 0


def test_an_invoice_torn_apart_is_refused_from_there_on(ledger: Ledger, tmp_path: Path):
    between = [row for number in range(5001) for row in invoice(str(number), TEA, POT)]
    rows = [*invoice("700000", TEA), *between, *invoice("700000", POT)]

    report = read(ledger, tmp_path, rows, "torn.parquet")

    (entry,) = report["refused"]
    assert (entry["row"], entry["code"]) == (len(rows), "document_split")
    assert "700000" in entry["reason"]
    assert report["documents"]["sales"]["count"] == 5002
    assert read(ledger, tmp_path, rows, "torn.parquet")["refused"] == report["refused"]


WORDS = st.sampled_from(["", "x", "NaN", "1.5", "-3", "99999999999999999999", "2010-12-01T08:26:00", "A B"])
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "InvoiceNo": st.sampled_from(["1", "2", "3", "C4", "A5", "B6", "", "7 8"]),
            "StockCode": st.sampled_from(["22423", "M"]) | WORDS,
            "Description": st.none() | WORDS,
            "Quantity": st.integers(-3, 9) | WORDS,
            "InvoiceDate": st.just("2010-12-01T08:26:00") | WORDS,
            "CustomerID": st.none() | st.integers(1, 3) | WORDS,
            "Country": WORDS,
            "unit_price_mils": st.integers(-2000, 2000) | WORDS,
        }
    ),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("kept")
    with Ledger(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        yield ledger, folder


@given(LINES, st.sampled_from(["csv", "jsonl"]))
def test_every_row_of_any_file_is_accounted_for(kept: tuple[Ledger, Path], rows: list[Row], suffix: str):
    ledger, folder = kept
    path = write(folder / f"any.{suffix}", rows)

    report = ledger.load("uci-retail", path, dry_run=True)

    assert report["read"] == len(rows)
    refused = [entry["row"] for entry in report["refused"]]
    assert len(refused) == len(set(refused))
    whole = {row["InvoiceNo"] for number, row in enumerate(rows, 1) if number not in refused}
    torn = {rows[number - 1]["InvoiceNo"] for number in refused} - {""}
    assert not whole & torn


IMPORTING = """
import sys
from pathlib import Path
from tests.api.importers.ledgers import Ledger
from api.importers import FORMATS, Options, run
with Ledger(sys.argv[1]) as ledger:
    run(ledger.writer, FORMATS["uci-retail"], [Path(sys.argv[2])], Options(),
        progress=lambda rows: print(rows, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("batches", [1, 3])
def test_an_import_that_was_killed_is_finished_by_the_next(
    batches: int, database_url: str, sqlite_url: str, tmp_path: Path
):
    rows = [
        row
        for number in range(6 * runner.BATCH_DOCUMENTS)
        for row in invoice(f"{'C' if number % 7 == 3 else ''}{number}", TEA, ("M", number + 1, 10))
    ]
    path = write(tmp_path / "many.csv", rows)
    with Ledger(sqlite_url + "-whole") as whole:
        undisturbed = whole.load("uci-retail", path)
        log, balances = whole.log(), whole.balances()

    child = subprocess.Popen(
        [sys.executable, "-c", IMPORTING, database_url, str(path)], stdout=subprocess.PIPE
    )
    assert child.stdout
    for _ in range(batches):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()

    with Ledger(database_url) as ledger:
        assert 0 < ledger.head() < len(log)
        report = ledger.load("uci-retail", path)
        assert ledger.log() == log
        assert ledger.balances() == balances
    assert report["skipped"] >= 2 * batches * runner.BATCH_DOCUMENTS
    assert report["skipped"] + report["recorded_rows"] == len(rows)
    assert report["documents"] == undisturbed["documents"]


@pytest.mark.slow
def test_the_real_file(ledger: Ledger, test_data: Path):
    path = test_data / "retail" / "online_retail.parquet"

    report = ledger.load("uci-retail", path)

    assert report == {
        "read": 541_909,
        "recorded": report["last_position"],
        "skipped": 0,
        "parked": 0,
        "refused": [],
        "recorded_rows": 541_909,
        "documents": {
            "sales": {"count": 22_061, "amount": 1_065_562_248},
            "refunds": {"count": 3_836, "amount": 89_681_249},
            "adjustments": {"count": 3, "amount": -1_106_206},
        },
        "first_position": 1,
        "last_position": 22_061 * 3 + 3_836 + 3,
    }
    assert ledger.balances() == {"bank": 975_880_999, "shop_payable:uci": 975_880_999}
    again = ledger.load("uci-retail", path)
    assert (again["recorded"], again["skipped"], again["documents"]) == (0, 541_909, report["documents"])


@pytest.mark.slow
def test_the_demonstration_file_is_part_of_the_real_one(ledger: Ledger, test_data: Path):
    demo = ledger.load("uci-retail", test_data / "retail" / "online_retail_demo.csv.gz")
    assert demo["read"] == demo["recorded_rows"] == 26_557

    again = ledger.load("uci-retail", test_data / "retail" / "online_retail_demo.csv.gz")
    assert again["skipped"] == 26_557


READING = """
import resource, sys
from pathlib import Path
from api.importers import FORMATS, Options
assert sum(len(document.rows) for document in FORMATS["uci-retail"].documents(Path(sys.argv[1]), Options()))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_reading_takes_no_more_memory_for_more_rows(tmp_path: Path):
    peaks = []
    for rows in (25_000, 150_000):
        header, *lines = [
            ",".join(map(str, cells)) for cells in (SHOP[0], *(row.values() for row in SHOP[:2]))
        ]
        with (tmp_path / "long.csv").open("w", encoding="utf-8") as file:
            file.write(f"{header}\n")
            file.writelines(
                f"{line.replace('536365', str(number))}\n" for number in range(rows // 2) for line in lines
            )
        done = subprocess.run(
            [sys.executable, "-c", READING, str(tmp_path / "long.csv")],
            check=True,
            capture_output=True,
            text=True,
        )
        peaks.append(int(done.stdout) / 1024)
    assert peaks[1] - peaks[0] < 10  # MB
