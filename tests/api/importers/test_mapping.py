"""Any table by a mapping: the domain's cases from files, and a clear word about mappings that say nothing."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.importers import mapping
from ledger.decisions.base import replay
from ledger.decisions.refund import ApproveRefund, CompleteRefund, RefundItem, RequestRefund
from ledger.errors import LedgerError, Malformed
from ledger.events.adjustment import AdjustmentRecorded
from ledger.events.base import Recorded
from ledger.events.order import Line, OrderPaid, OrderPlaced
from ledger.events.refund import RefundCompleted
from tests.api.importers.ledgers import Ledger, Row, write

TERMS = """
system = "acme-web"

[document]
id = { column = "number" }
kind = { column = "type", values = { ORDER = "sale", CREDIT = "refund", FEE = "adjustment" } }
platform = "acme"
shop = { column = "store", prefix = "acme-" }
buyer = { column = "customer" }
currency = { column = "currency", default = "CNY" }
time = { column = "created", zone = "Asia/Shanghai" }
order = { column = "order" }
version = { column = "revision" }
paid = { column = "status", among = ["paid", "sent"] }
settled = { column = "status", among = ["sent"] }

[line]
sku = { column = "article" }
title = { column = "name" }
quantity = { column = "pieces" }
amount = { column = "price" }
shop_coupon = { column = "discount" }
platform_coupon = { column = "voucher" }
number = { column = "line", default = "0" }

[[skip]]
column = "status"
among = ["test"]
reason = "test orders"
"""


def row(number: str, type_: str = "ORDER", *, price: object = "100.00", **more: object) -> Row:
    return {
        "number": number,
        "type": type_,
        "store": "s1",
        "customer": "b1",
        "currency": "",
        "created": "2021-06-10T12:00:00",
        "order": "",
        "revision": "1",
        "status": "paid",
        "article": "tea",
        "name": "Tea",
        "pieces": "1",
        "price": price,
        "discount": "",
        "voucher": "",
        "line": "",
    } | more


def load(
    ledger: Ledger, tmp_path: Path, *rows: Row, terms: str = TERMS, name: str = "acme.csv", **how: Any
) -> Any:
    (tmp_path / "acme.toml").write_text(terms, encoding="utf-8")
    return ledger.load("mapping", write(tmp_path / name, rows), mapping=tmp_path / "acme.toml", **how)


def codes(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(entry["row"], entry["code"]) for entry in report["refused"]]


def state(ledger: Ledger, stream: str) -> Any:
    facts = [Recorded(*fact) for fact in ledger.log() if fact[1] == stream]
    return replay(stream, facts)


def test_what_a_mapping_says_of_a_sale(ledger: Ledger, tmp_path: Path):
    report = load(
        ledger,
        tmp_path,
        row("o1", pieces=2, discount="10", voucher="20.00", status="sent"),
        row("o1", price="0.005", article="bag", created="2021-06-10 11:59:59", status="sent"),
        row("o2", status="open"),
        row("o3", status="test"),
        row("f1", "FEE", price="-12.345", name="audit"),
    )

    assert report == {
        "read": 5,
        "recorded": 5,
        "skipped": 1,
        "parked": 0,
        "refused": [],
        "recorded_rows": 4,
        "documents": {
            "sales": {"count": 2, "amount": 20_001},
            "refunds": {"count": 0, "amount": 0},
            "adjustments": {"count": 1, "amount": -1_235},
        },
        "first_position": 1,
        "last_position": 5,
        "filtered": {"test orders": 1},
    }
    placed, paid, _ = ledger.facts("order-acme:o1")
    lines = (Line("tea", "Tea", 2, 10_000, 1_000, 2_000), Line("bag", "Tea", 1, 1))
    assert placed == OrderPlaced("acme-s1", "b1", "CNY", lines)
    assert paid == OrderPaid("CNY", 7_001, 2_000, (7_000, 1), (2_000, 0))
    assert ledger.topics("order-acme:o2") == ["order-placed"]
    assert ledger.facts("adjustment-acme:f1") == [AdjustmentRecorded("acme-s1", "CNY", -1_235, "audit")]
    envelope = ledger.log()[0][3]
    assert (envelope.effective_at, envelope.offset) == (1_623_297_599_000_000, 480)
    assert (envelope.key, envelope.source.id, envelope.source.version) == ("acme-web/acme:o1@1", "acme:o1", 1)


def test_case_13_a_coupon_is_given_back_with_the_cash(ledger: Ledger, tmp_path: Path):
    coupons = {"discount": "10", "voucher": "20"}
    load(ledger, tmp_path, row("o1", **coupons))
    assert ledger.balances() == {"bank": 7_000, "platform_coupon": 2_000, "order_escrow:acme:o1": 9_000}

    load(ledger, tmp_path, row("r1", "CREDIT", order="o1", line="1", price="-100.00", **coupons))

    assert ledger.balances() == {}
    (refund,) = ledger.facts("refund-acme:r1")
    assert isinstance(refund, RefundCompleted)
    assert (refund.order, refund.cash, refund.coupon) == ("acme:o1", 7_000, 2_000)


def test_case_14_units_of_an_imported_line_are_split_by_largest_remainder(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, row("o1", pieces=3))

    given_back = []
    for unit in (1, 2, 3):
        id_ = f"acme:r{unit}"
        ledger.do(RequestRefund(id=id_, order="acme:o1", items=(RefundItem(line=1, units=(unit,)),)))
        ledger.do(ApproveRefund(id=id_))
        ledger.do(CompleteRefund(id=id_))
        refund = ledger.facts(f"refund-{id_}")[-1]
        assert isinstance(refund, RefundCompleted)
        given_back.append(refund.cash)

    assert given_back == [3_334, 3_333, 3_333]
    assert ledger.balances() == {}


REFUND_FIRST = [
    row("r1", "CREDIT", order="o1", line="1", price="40", created="2021-06-11T00:00:00"),
    row("o1"),
]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["refund first", "order first"])
@pytest.mark.parametrize("together", [True, False], ids=["one file", "two files"])
def test_case_18_a_refund_before_its_payment_waits_for_it(
    order: tuple[int, int], together: bool, ledger: Ledger, tmp_path: Path
):
    rows = [REFUND_FIRST[index] for index in order]
    reports = [
        load(ledger, tmp_path, *part, name=f"{number}.csv")
        for number, part in enumerate([rows] if together else [[each] for each in rows])
    ]

    assert sum(report["parked"] for report in reports) == (1 if order == (0, 1) else 0)
    assert ledger.balances() == {"bank": 6_000, "order_escrow:acme:o1": 6_000}
    assert state(ledger, "refund-acme:r1").status == "completed"
    assert not state(ledger, "order-acme:o1").parked
    (refunded,) = [fact for fact in ledger.log() if fact[1] == "refund-acme:r1"]
    assert refunded[3].effective_at == 1_623_340_800_000_000
    assert refunded[3].source.id == "refund/acme:r1"

    again = load(ledger, tmp_path, *rows, name="again.csv")
    assert (again["recorded"], again["skipped"]) == (0, 2)


def test_case_19_versions(ledger: Ledger, tmp_path: Path):
    second = row("o1", price="120", revision="2")
    load(ledger, tmp_path, second)

    same = load(ledger, tmp_path, second)
    assert (same["recorded"], same["skipped"]) == (0, 1)

    stale = load(ledger, tmp_path, row("o1", price="100", revision="1"))
    assert (stale["recorded"], stale["recorded_rows"]) == (1, 1)
    assert ledger.topics("order-acme:o1")[-1] == "stale-version-recorded"
    assert ledger.balances() == {"bank": 12_000, "order_escrow:acme:o1": 12_000}

    newer = load(ledger, tmp_path, row("o1", price="90", revision="3"))
    assert (newer["recorded"], newer["refused"]) == (1, [])
    assert ledger.topics("order-acme:o1")[-1] == "order-amended"
    assert ledger.balances() == {"bank": 9_000, "order_escrow:acme:o1": 9_000}

    changed = load(ledger, tmp_path, row("o1", price="91", revision="3"))
    assert codes(changed) == [(1, "changed_without_version")]


def test_versions_far_apart_in_one_file_are_documents_of_their_own(sqlite_url: str, tmp_path: Path):
    between = [row(f"x{number}", revision="1") for number in range(11_000)]
    with Ledger(sqlite_url) as ledger:
        report = load(ledger, tmp_path, row("o1"), *between, row("o1", price="90", revision="2"))

        assert report["refused"] == []
        assert ledger.topics("order-acme:o1") == ["order-placed", "order-paid", "order-amended"]


def test_every_format_gives_the_same_facts(sqlite_url: str, tmp_path: Path):
    rows = [
        row("o2", price=19.99, pieces=2, discount=0.1),
        row("o2", price=0.005, pieces=1, discount=None),
        *REFUND_FIRST,
    ]
    rows = [each | {"price": float(each["price"]), "pieces": int(each["pieces"])} for each in rows]
    logs = []
    for suffix in ("csv", "csv.gz", "jsonl", "parquet"):
        with Ledger(f"{sqlite_url}-{suffix}") as ledger:
            plain = [each | {"discount": each["discount"] or None} for each in rows]
            load(ledger, tmp_path, *plain, name=f"acme.{suffix}")
            logs.append(ledger.log())
    assert all(log == logs[0] for log in logs)
    placed = logs[0][0][4]
    assert [line.amount for line in placed.lines] == [1_999, 1]


@pytest.mark.parametrize(
    ("terms", "cell", "pieces", "currency", "amount"),
    [
        ('{ column = "price" }',                                    "12.345",   1, "CNY",   1_235),
        ('{ column = "price" }',                                    "12.3449",  1, "CNY",   1_234),
        ('{ column = "price" }',                                    "-12.345",  1, "CNY",  -1_235),
        ('{ column = "price" }',                                    "12.5",     1, "JPY",      13),
        ('{ column = "price" }',                                    "1.0005",   1, "KWD",   1_001),
        ('{ column = "price", decimals = 2 }',                      "1999",     1, "CNY",   1_999),
        ('{ column = "price", decimals = 3 }',                      "2555",     1, "CNY",     256),
        ('{ column = "price", decimals = 3, per_unit = true }',     "2555",     3, "CNY",     767),
        ('{ column = "price", per_unit = true }',                   "0.335",   10, "CNY",     335),
        ('{ column = "price" }',                                    "1e2",      1, "CNY",  10_000),
        ('{ column = "price" }',                                    "",         1, "CNY",       0),
    ],
)  # fmt: skip
def test_money_is_read_exactly_and_rounded_once(
    terms: str, cell: str, pieces: int, currency: str, amount: int, sqlite_url: str, tmp_path: Path
):
    with Ledger(sqlite_url) as ledger:
        changed = TERMS.replace('amount = { column = "price" }', f"amount = {terms}")
        load(ledger, tmp_path, row("o1", price=cell, pieces=pieces, currency=currency), terms=changed)

        placed, *_ = ledger.facts("order-acme:o1")
        assert isinstance(placed, OrderPlaced)
        assert [line.amount for line in placed.lines] == [amount]


@pytest.mark.parametrize(
    ("more", "cell", "text"),
    [
        ({},                                                     "United Kingdom",    "United Kingdom"),
        ({"blanks": "-"},                                        "United Kingdom",    "United-Kingdom"),
        ({"blanks": "-"},                                        "  a\t b\n c ",       "a-b-c"),
        ({"blanks": ""},                                         "A 1 2",             "A12"),
        ({"blanks": "-", "prefix": "uci "},                      "USA X",             "uci USA-X"),
        ({"blanks": "_", "values": {"Channel Islands": "CI X"}}, "Channel Islands",   "CI_X"),
        ({"blanks": "-", "default": "not said"},                 "",                  "not-said"),
        ({"blanks": "-"},                                        "",                  ""),
    ],
)  # fmt: skip
def test_blanks_within_a_text_are_written_otherwise(more: dict[str, Any], cell: str, text: str):
    assert mapping.Text(column="country", **more).of({"country": cell}) == text


@given(st.decimals(-10_000_000, 10_000_000, places=4), st.integers(-500, 500))
def test_a_float_is_as_good_as_the_number_it_stands_for(price: Decimal, pieces: int):
    terms = mapping.Sum(column="price", per_unit=True)

    exact = terms.of({"price": str(price)}, "CNY", pieces)

    assert terms.of({"price": float(price)}, "CNY", pieces) == exact
    assert abs(exact - price * pieces * 100) <= Decimal("0.5")


HOSTILE = [
    #  what is wrong with the second of two lines   code
    ({"price": "NaN"},                             "invalid_amount"),
    ({"price": "Infinity"},                        "invalid_amount"),
    ({"price": "1,000.00"},                        "invalid_amount"),
    ({"price": "1_000"},                           "invalid_amount"),
    ({"price": "free"},                            "invalid_amount"),
    ({"price": "9" * 5000},                        "invalid_amount"),
    ({"price": "1e99"},                            "invalid_amount"),
    ({"price": "1e-99"},                           None),
    ({"price": "90071992547409.92"},               "invalid_amount"),
    ({"price": "90071992547409.91"},               "invalid_amount"),  # with the other line
    ({"voucher": "-1"},                            "malformed"),
    ({"pieces": "two"},                            "malformed"),
    ({"pieces": ""},                               "malformed"),
    ({"pieces": "9" * 29},                         "malformed"),
    ({"created": "yesterday"},                     "invalid_time"),
    ({"created": "2021-02-30"},                    "invalid_time"),
    ({"article": ""},                              "malformed"),
    ({"article": "x" * 200},                       "malformed"),
    ({"name": "x" * 1001},                         "malformed"),
    ({"store": "x" * 200},                         "malformed"),
    ({"store": "s2"},                              "malformed"),  # the first line says another
    ({"customer": "b\x00"},                        "malformed"),
    ({"status": "open"},                           "malformed"),
    ({"currency": "yuan"},                         "invalid_currency"),
    ({"order": "x" * 200},                         None),  # only a refund names one
    ({"line": "first"},                            "malformed"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "code"), HOSTILE)
def test_what_cannot_be_read_refuses_its_document_whole(
    wrong: Row, code: str | None, sqlite_url: str, tmp_path: Path
):
    with Ledger(sqlite_url) as ledger:
        report = load(ledger, tmp_path, row("o1"), row("o2"), row("o2", **wrong), row("o3"))

        assert codes(report) == ([(2, code), (3, code)] if code else [])
        recorded = {fact[1] for fact in ledger.log()}
        assert recorded == {f"order-acme:o{number}" for number in ((1, 3) if code else (1, 2, 3))}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"number": ""}, "invalid_identifier"),
        ({"number": "o 2"}, "invalid_identifier"),
        ({"number": "x" * 200}, "invalid_identifier"),
        ({"type": "GIFT"}, "malformed"),
        ({"revision": "0"}, "malformed"),
        ({"revision": "new"}, "malformed"),
        ({"revision": "9" * 30}, "malformed"),
    ],
)
def test_a_row_of_no_document_is_refused_by_itself(wrong: Row, code: str, sqlite_url: str, tmp_path: Path):
    with Ledger(sqlite_url) as ledger:
        report = load(ledger, tmp_path, row("o1"), row("o2"), row("o2") | wrong)

        assert codes(report) == [(3, code)]
        assert report["recorded_rows"] == 2


def test_a_refund_counts_without_its_sign_but_not_with_both(ledger: Ledger, tmp_path: Path):
    report = load(
        ledger,
        tmp_path,
        row("o1", pieces=2),
        row("r1", "CREDIT", order="o1", price="-30", pieces="-1"),
        row("r2", "CREDIT", order="o1", price="30"),
        row("r3", "CREDIT", order="o1", price="30"),
        row("r3", "CREDIT", order="o1", price="-5"),
    )

    assert codes(report) == [(4, "malformed"), (5, "malformed")]
    assert report["documents"]["refunds"] == {"count": 2, "amount": 6_000}
    assert ledger.balances() == {"bank": 4_000, "order_escrow:acme:o1": 4_000}


def test_a_coupon_worth_more_than_its_line_is_marked(ledger: Ledger, tmp_path: Path):
    load(ledger, tmp_path, row("o1", price="1.00", voucher="2.50"), row("o2", price="5", discount="5"))

    for number, marks in (("o1", ("coupon_exceeds_amount",)), ("o2", ("zero_value",))):
        placed, *_ = ledger.facts(f"order-acme:{number}")
        assert isinstance(placed, OrderPlaced)
        assert placed.marks == marks


SMALL = """
system = "till"
file = { delimiter = ";", encoding = "gb18030" }
document.id = { column = "单号" }
document.kind = { column = "单号", starts = { R = "refund", RX = "adjustment", "" = "sale" } }
document.platform = "till"
document.shop = "corner"
document.currency = "CNY"
document.time = { column = "时间", zone = "Asia/Shanghai", format = "FORMAT" }
line.sku = "goods"
line.amount = { column = "金额" }
"""


@pytest.mark.parametrize(
    ("layout", "cell"),
    [("%d.%m.%Y %H:%M", "10.06.2021 12:00"), ("epoch_s", "1623297600"), ("epoch_ms", "1623297600000")],
)
def test_a_small_mapping_of_a_small_file(layout: str, cell: str, ledger: Ledger, tmp_path: Path):
    (tmp_path / "till.toml").write_text(SMALL.replace("FORMAT", layout), encoding="utf-8")
    lines = ["单号;时间;金额", f"1;{cell};7", f"R1;{cell};5", f"RX1;{cell};-3", "2;no time;1", ""]
    (tmp_path / "till.csv").write_bytes("\r\n".join(lines).encode("gb18030"))

    report = ledger.load("mapping", tmp_path / "till.csv", mapping=tmp_path / "till.toml")

    assert codes(report) == [(4, "invalid_time")]
    assert "时间" in report["refused"][0]["reason"]
    counts = {kind: total["count"] for kind, total in report["documents"].items()}
    assert counts == {"sales": 1, "refunds": 1, "adjustments": 1}
    assert {fact[3].effective_at for fact in ledger.log()} == {1_623_297_600_000_000}
    assert {fact[3].offset for fact in ledger.log()} == {480}


#   what is changed in the mapping                                   what the error names
BAD_TERMS = [
    ("system = ",                 "systm = ",                         "systm"),
    ('system = "acme-web"',       "",                                 "system"),
    ('system = "acme-web"',       'system = "a b"',                   "a b"),
    ("[document]",                "[document",                        "acme.toml"),
    ("[document]",                '[document]\nbuyers = "x"',       "buyers"),
    ('zone = "Asia/Shanghai"',    'zone = "Asia/Atlantis"',           "Asia/Atlantis"),
    ('zone = "Asia/Shanghai"',    'zone = "../../etc/passwd"',        "passwd"),
    (', zone = "Asia/Shanghai"',  "",                                 "zone"),
    ('"refund"',                  '"refunds"',                        "refunds"),
    ("amount = { column",         "amount = { colum",                 "colum"),
    ('{ column = "price" }',      '"100"',                            "amount"),
    ('{ column = "price" }',      '{ column = "price", decimals = -1 }', "decimals"),
    ('default = "CNY"',           "default = 7",                      "default"),
    ('"acme"',                    "7",                                "platform"),
    ("[[skip]]",                  "[skip]",                           "skip"),
    ('reason = "test orders"',    "",                                 "reason"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "named"), BAD_TERMS)
def test_a_mapping_with_an_error_names_it_before_any_row_is_read(
    good: str, bad: str, named: str, sqlite_url: str, tmp_path: Path
):
    assert good in TERMS
    with Ledger(sqlite_url) as ledger:
        with pytest.raises(Malformed, match=named) as refused:
            load(ledger, tmp_path, row("o1"), terms=TERMS.replace(good, bad))
        assert refused.value.detail.startswith("acme.toml")
        assert ledger.head() == 0


@pytest.mark.parametrize("data", [b"\xff\xfe", bytes(range(256)), b"a" * 100_000, b"a = " + b"[" * 50_000])
def test_a_mapping_that_is_no_toml_is_malformed(data: bytes, tmp_path: Path):
    (tmp_path / "acme.toml").write_bytes(data)
    with pytest.raises(Malformed, match=r"acme\.toml"):
        mapping.load(tmp_path / "acme.toml")


def test_the_format_wants_a_mapping_that_is_there(ledger: Ledger, tmp_path: Path):
    path = write(tmp_path / "acme.csv", [row("o1")])
    with pytest.raises(Malformed, match="needs a mapping"):
        ledger.load("mapping", path)
    with pytest.raises(Malformed, match=r"none\.toml: No such file"):
        ledger.load("mapping", path, mapping=tmp_path / "none.toml")


def test_a_column_that_the_file_lacks_is_named(ledger: Ledger, tmp_path: Path):
    with pytest.raises(Malformed, match="there is no column price"):
        load(ledger, tmp_path, {name: cell for name, cell in row("o1").items() if name != "price"})


def test_the_example_of_the_documentation_is_a_mapping(tmp_path: Path):
    page = (Path(__file__).parents[3] / "docs" / "import-mapping.md").read_text(encoding="utf-8")
    (tmp_path / "example.toml").write_text(page.split("```")[1].removeprefix("toml\n"), encoding="utf-8")

    assert mapping.load(tmp_path / "example.toml").columns()[:3] == ("number", "store", "created")
    for struct in (mapping.Mapping, mapping.DocumentTerms, mapping.LineTerms, mapping.File, mapping.Sum):
        for field in msgspec.structs.fields(struct):
            assert re.search(rf"[`\[]{field.name}\b", page), f"the page says nothing of {field.name}"


WORDS = st.sampled_from(
    ["", "x", "NaN", "-5", "1.5", "9" * 30, "2021-06-10", "ORDER", "CREDIT", "FEE", "a b"]
)
ROWS = st.lists(
    st.builds(
        lambda number, type_, changes: row(number, type_) | changes,
        st.sampled_from(["1", "2", "3", "", "4 5"]),
        st.sampled_from(["ORDER", "CREDIT", "FEE", "?"]),
        st.dictionaries(st.sampled_from(list(row("1"))), WORDS, max_size=2),
    ),
    min_size=1,
    max_size=20,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("kept")
    with Ledger(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        yield ledger, folder


@given(ROWS, st.sampled_from(["csv", "jsonl", "parquet"]))
def test_every_row_of_any_file_is_accounted_for(kept: tuple[Ledger, Path], rows: list[Row], suffix: str):
    ledger, folder = kept

    report = load(ledger, folder, *rows, name=f"any.{suffix}", dry_run=True)

    assert report["read"] == len(rows)
    refused = [entry["row"] for entry in report["refused"]]
    assert len(refused) == len(set(refused))
    assert all(entry["reason"] and entry["code"] != LedgerError.code for entry in report["refused"])
