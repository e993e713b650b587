"""Files as batches: the same cells from every format, and a clear word about those that are no tables."""

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from api.importers import readers
from ledger.errors import Malformed
from tests.api.importers.ledgers import write

ROWS = [{"id": f"o{number}", "n": number, "note": 'two\nlines, "quoted"'} for number in range(20_000)]


def cells(path: Path, *columns: str, **how: Any) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
    """All rows as tuples, and the faults by row number."""
    rows: list[tuple[Any, ...]] = []
    faults: dict[int, str] = {}
    for batch in readers.read(path, columns, **how):
        assert batch.first == len(rows) + 1
        assert batch.size <= readers.BATCH_ROWS
        rows += zip(*(batch.columns[column] for column in columns), strict=True)
        faults |= {batch.first + offset: fault.detail for offset, fault in batch.faults.items()}
    return rows, faults


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "parquet.gz"])
def test_every_format_holds_the_same_rows(suffix: str, tmp_path: Path):
    rows, faults = cells(write(tmp_path / f"rows.{suffix}", ROWS), "n", "id", "note")

    assert not faults
    assert [(str(n), id_, note) for n, id_, note in rows] == [
        (str(row["n"]), row["id"], row["note"]) for row in ROWS
    ]


def test_only_parquet_knows_its_rows_beforehand(tmp_path: Path):
    assert readers.count(write(tmp_path / "rows.parquet", ROWS)) == len(ROWS)
    assert readers.count(write(tmp_path / "rows.csv", ROWS)) is None
    assert readers.count(write(tmp_path / "rows.parquet.gz", ROWS)) is None


def test_a_csv_file_may_have_its_own_delimiter_encoding_and_blank_lines(tmp_path: Path):
    path = tmp_path / "orders.csv"
    path.write_bytes("订单;amount\r\n\r\n一;1,5\r\n二;2\r\n\r\n".encode("gb18030"))

    rows, faults = cells(path, "订单", "amount", delimiter=";", encoding="gb18030")

    assert (rows, faults) == ([("一", "1,5"), ("二", "2")], {})


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfid,n\n1,2\n")
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"id": "1", "n": 2}\n')

    assert cells(tmp_path / "a.csv", "id") == ([("1",)], {})
    assert cells(tmp_path / "a.jsonl", "id") == ([("1",)], {})


def test_rows_that_cannot_be_read_are_faults_of_their_own(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b'id,n\n1,2\n2\n3,4,5\n4,\xff\xfe\n5,"' + b"x" * 140_000 + b'"\n6,7\n')
    (tmp_path / "a.jsonl").write_bytes(
        b'{"id": 1, "n": 2}\n[3]\n{"id": 4, "n": NaN}\n'
        + b"[" * 100_000
        + b'\n{"id": "\xff"}\n{"id": "6", "n": 0.1}\n'
    )

    rows, faults = cells(tmp_path / "a.csv", "id", "n")
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "", "6"]
    assert faults == {
        2: "It has 1 cells, the header has 2.",
        3: "It has 3 cells, the header has 2.",
        4: "n is no text in the encoding of the file.",
        5: "It is no CSV.",
    }

    rows, faults = cells(tmp_path / "a.jsonl", "id", "n")
    assert rows == [(1, 2), (None, None), (None, None), (None, None), (None, None), ("6", Decimal("0.1"))]
    assert list(faults) == [2, 3, 4, 5]


def test_parquet_times_are_exact_and_need_no_pandas(tmp_path: Path):
    moment = dt.datetime(2017, 1, 1, 11, 53, 26)  # noqa: DTZ001 - files hold local times
    times = pa.array([moment, None, moment], pa.timestamp("ns"))
    texts = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc")]
    )
    parquet.write_table(pa.table({"at": times, "text": texts}), tmp_path / "a.parquet")

    rows, faults = cells(tmp_path / "a.parquet", "at", "text")

    assert rows == [(moment, "a"), (None, None), (moment, "c")]
    assert [type(row[0]) for row in rows] == [dt.datetime, type(None), dt.datetime]
    assert faults == {2: "text holds no value that can be read."}


GARBAGE = bytes(range(256)) * 64


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "there is no column id"),
        ("a.csv", b"number,n\n1,2\n", "there is no column id"),
        ("a.csv", b"id,id\n1,2\n", "column id stands more than once"),
        ("a.csv", GARBAGE, "there is no column id"),
        ("a.csv.gz", GARBAGE, "Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"id\n" + b"1\n" * 90_000)[:-20], "ended before"),
        ("a.jsonl", b'{"number": 1}\n', "there is no column id"),
        ("a.jsonl", GARBAGE, "there is no column id"),
        ("a.parquet", GARBAGE, "Parquet"),
        ("a.parquet", b"", "Parquet"),
        ("a.parquet.gz", GARBAGE, "Not a gzipped file"),
        ("a.xls", GARBAGE, "its name should end in"),
    ],
)
def test_a_file_that_is_no_table_is_malformed(name: str, data: bytes, says: str, tmp_path: Path):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(Malformed, match=says) as refused:
        list(readers.read(tmp_path / name, ["id"]))

    assert refused.value.detail.startswith(name)


def test_a_damaged_parquet_file_is_malformed(tmp_path: Path):
    whole = write(tmp_path / "a.parquet", ROWS).read_bytes()
    middle = len(whole) // 2
    (tmp_path / "a.parquet").write_bytes(whole[:100] + GARBAGE[: middle - 100] + whole[middle:])

    with pytest.raises(Malformed, match=r"a\.parquet"):
        list(readers.read(tmp_path / "a.parquet", ["id", "n", "note"]))


def test_a_missing_file_is_malformed(tmp_path: Path):
    for name in ("a.csv", "a.csv.gz", "a.jsonl", "a.parquet"):
        with pytest.raises(Malformed, match="No such file"):
            list(readers.read(tmp_path / name, ["id"]))


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readers, "LONGEST_LINE", 1000)
    (tmp_path / "a.jsonl").write_bytes(b'{"id": "1"}\n{"id": "' + b"2" * 5000 + b'"}\n{"id": "3"}\n')

    rows, faults = cells(tmp_path / "a.jsonl", "id")

    assert (rows[0], rows[-1]) == (("1",), ("3",))
    assert list(faults) == list(range(2, len(rows)))


def test_an_empty_table_has_no_rows(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"id,n\n")
    (tmp_path / "a.jsonl").write_bytes(b"\n")
    parquet.write_table(pa.table({"id": pa.array([], pa.string())}), tmp_path / "a.parquet")

    assert [cells(tmp_path / name, "id") for name in ("a.csv", "a.jsonl", "a.parquet")] == [([], {})] * 3
