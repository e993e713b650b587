"""Files as a stream of batches of columns: CSV, JSON lines and Parquet, also behind gzip, told by suffix.

A row that cannot be read is a fault of its own, with its number; a file that cannot be read on is Malformed.
Rows count from 1 without the header. Never more than a batch is held, however long the file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, AnyStr, NamedTuple, TypeVar, cast

import msgspec
import pyarrow as pa
from pyarrow import parquet

from ledger.errors import LedgerError, Malformed

BATCH_ROWS = 8192
LARGEST_PAYLOAD = 1 << 26
"""A JSON document is read as a whole, so it has at most 64 MiB; JSON lines may be as many as there are."""
LONGEST_LINE = 1 << 20
"""A row has at most a million characters: what is longer is something else, and must not fill the memory."""

_CSV = {".csv": ",", ".tsv": "\t"}
_JSON = (".jsonl", ".ndjson", ".json")
_PARQUET = (".parquet", ".pq")


Value = TypeVar("Value")
_REPEATING = {str, int, float, datetime, type(None)}
"""Types whose cells are read once for all that are equal: those of one type then mean the same."""


class Batch(NamedTuple):
    """Some rows, column by column; `first` is the number of the first.

    `faults` tells by offset which rows could not be read, and why; their cells may be empty. `kinds` tells of
    some columns what all their cells are.
    """

    first: int
    size: int
    columns: dict[str, list[Any]]
    faults: dict[int, LedgerError]
    kinds: dict[str, type[Any]]

    def parsed(
        self, name: str, parse: Callable[[Any], Value], empty: Value, exact: type[Value] | None = None
    ) -> list[Value]:
        """A column as values; a column of `exact` values is left as it is.

        A cell that `parse` refuses is a fault of its row and counts as `empty`.
        """
        cells = self.columns[name]
        kinds = {self.kinds[name]} if name in self.kinds else set(map(type, cells))
        if kinds == {exact}:
            return cells
        if len(kinds - {type(None)}) <= 1 and kinds <= _REPEATING:
            with suppress(LedgerError):
                values = {cell: parse(cell) for cell in set(cells)}
                return [values[cell] for cell in cells]
        return [self._parsed(offset, name, cell, parse, empty) for offset, cell in enumerate(cells)]

    def limit(
        self, name: str, values: list[Value], measure: Callable[[Value], int], low: int, high: int
    ) -> None:
        """Make faults of the rows whose value, by its length or size, is not within these bounds."""
        if not values or (
            max(map(measure, values)) <= high and (not low or min(map(measure, values)) >= low)
        ):
            return
        for offset, value in enumerate(values):
            if not low <= measure(value) <= high:
                shown = repr(value)[:60]
                self.faults.setdefault(offset, Malformed(f"{name}: {shown} is out of range.", field=name))

    def _parsed(
        self, offset: int, name: str, cell: object, parse: Callable[[Any], Value], empty: Value
    ) -> Value:
        try:
            return parse(cell)
        except LedgerError as error:
            self.faults.setdefault(offset, type(error)(f"{name}: {error.detail}", field=name))
            return empty


def read(
    path: Path,
    columns: Collection[str],
    optional: Collection[str] = (),
    *,
    delimiter: str = "",
    encoding: str = "utf-8",
) -> Iterator[Batch]:
    """The named columns of a file; `delimiter` and `encoding` are those of a CSV file.

    Columns the file lacks are refused as Malformed, or full of None if they are `optional`; others are passed
    over.
    """
    kind = _kind(path)
    with _troubles(path):
        if kind in _CSV:
            yield from _csv(path, columns, optional, delimiter or _CSV[kind], encoding)
        elif kind in _JSON:
            yield from _json(path, columns, optional)
        else:
            yield from _parquet(path, columns, optional)


def payloads(path: Path) -> Iterator[Any]:
    """The JSON values of a file: the one that fills it, or one a line; LedgerError where there is none.

    Numbers with a fraction are Decimal.
    """
    if _kind(path) not in _JSON:
        known = ", ".join(_JSON)
        raise Malformed(f"{path.name}: its name should end in one of {known}, with or without .gz.")
    with _troubles(path), _open(path) as file:
        if _kind(path) == ".json":
            data = file.read(LARGEST_PAYLOAD)
            whole = _payload(data, "The file")
            # JSON lines under another name, unless the first line is only the beginning of something.
            first = data.lstrip().partition(b"\n")[0]
            if not isinstance(whole, LedgerError) or isinstance(_payload(first, ""), LedgerError):
                yield whole
                return
            file.seek(0)
        for number, line in enumerate(iter(partial(file.readline, LARGEST_PAYLOAD), b""), 1):
            if line.strip():
                yield _payload(line, f"Line {number}")


_decode_payload = msgspec.json.Decoder(float_hook=Decimal).decode


def _payload(data: bytes, what: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A JSON value, or what is wrong with it."""
    try:
        return _decode_payload(data.removeprefix(codecs.BOM_UTF8))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return Malformed(f"{what} is no JSON: {error}.")


def count(path: Path) -> int | None:
    """How many rows the file has, if it says so itself: Parquet does."""
    if _kind(path) not in _PARQUET or path.suffix == ".gz":
        return None
    with _troubles(path), parquet.ParquetFile(path) as file:
        rows: int = file.metadata.num_rows
        return rows


def _kind(path: Path) -> str:
    bare = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    kind = bare.suffix.lower()
    if kind not in _CSV and kind not in _JSON and kind not in _PARQUET:
        known = ", ".join((*_CSV, *_JSON, *_PARQUET))
        raise Malformed(f"{path.name}: its name should end in one of {known}, with or without .gz.")
    return kind


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _lines(file: IO[AnyStr]) -> Iterator[AnyStr]:
    """The lines of a file, cut where they are longer than any row: then the pieces are no rows."""
    return iter(partial(file.readline, LONGEST_LINE), file.read(0))


@contextmanager
def _troubles(path: Path) -> Iterator[None]:
    """Whatever a file that is missing, cut or damaged makes the libraries say, as one Malformed."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException, UnicodeError, LookupError, csv.Error) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or repr(error)
        reason = said.strip().splitlines()[0].strip("'.")
        raise Malformed(f"{path.name}: {reason}.") from error


def _present(
    path: Path, found: Collection[str], columns: Collection[str], optional: Collection[str]
) -> list[str]:
    """The columns to read of those there are; Malformed if one is missing or stands twice."""
    found = list(found)
    missing = [column for column in columns if column not in found and column not in optional]
    if missing:
        raise Malformed(f"{path.name}: there is no column {', '.join(missing)}.", field=missing[0])
    for column in columns:
        if found.count(column) > 1:
            raise Malformed(f"{path.name}: column {column} stands more than once.", field=column)
    return [column for column in columns if column in found]


def _csv(
    path: Path, columns: Collection[str], optional: Collection[str], delimiter: str, encoding: str
) -> Iterator[Batch]:
    # Bytes that are no text come through as surrogates, so that they spoil their own row alone.
    plain = encoding.lower().replace("-", "") == "utf8"
    with io.TextIOWrapper(
        _open(path), "utf-8-sig" if plain else encoding, errors="surrogateescape", newline=""
    ) as file:
        rows = csv.reader(_lines(file), delimiter=delimiter)
        header = [cell.strip() for cell in next(rows, [])]
        places = {name: header.index(name) for name in _present(path, header, columns, optional)}
        first = 1
        while batch := _records(rows):
            faults = _misfits(batch, len(header))
            table = list(zip(*batch, strict=True))
            cells = {name: list(table[place]) for name, place in places.items()}
            _check_text(cells, faults)
            yield _batch(first, len(batch), cells, columns, faults)
            first += len(batch)


_BROKEN: list[str] = []
"""Stands for a record that breaks the rules of CSV."""


def _records(rows: Iterator[list[str]]) -> list[list[str]]:
    """The next records, blank lines passed over; none at the end."""
    batch: list[list[str]] = []
    while len(batch) < BATCH_ROWS:
        before = len(batch)
        try:
            batch.extend(islice(rows, BATCH_ROWS - before))
        except csv.Error:
            batch.append(_BROKEN)
        if len(batch) == before:
            break
        if [] in batch:
            batch = [row for row in batch if row or row is _BROKEN]
    return batch


def _misfits(batch: list[list[str]], width: int) -> dict[int, LedgerError]:
    """Make every record as wide as the header; answers what was wrong with those that were not."""
    faults: dict[int, LedgerError] = {}
    if set(map(len, batch)) != {width}:
        for offset, row in enumerate(batch):
            if len(row) != width:
                detail = f"It has {len(row)} cells, the header has {width}." if row else "It is no CSV."
                faults[offset] = Malformed(detail)
                batch[offset] = (row + [""] * width)[:width]
    return faults


def _check_text(cells: dict[str, list[Any]], faults: dict[int, LedgerError]) -> None:
    """Empty what is no text in the file's encoding, and name it among the faults."""
    for name, column in cells.items():
        if _is_text("".join(column)):
            continue
        for offset, cell in enumerate(column):
            if not _is_text(cell):
                detail = f"{name} is no text in the encoding of the file."
                faults.setdefault(offset, Malformed(detail, field=name))
                column[offset] = ""


def _is_text(found: str) -> bool:
    try:
        found.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(path: Path, columns: Collection[str], optional: Collection[str]) -> Iterator[Batch]:
    decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
    with _open(path) as file:
        lines = (line for line in _lines(file) if line.strip())
        first, known = 1, set[str]()
        while batch := list(islice(lines, BATCH_ROWS)):
            rows: list[dict[str, Any]] = []
            faults: dict[int, LedgerError] = {}
            for offset, line in enumerate(batch):
                try:
                    rows.append(decode(line.removeprefix(codecs.BOM_UTF8) if first + offset == 1 else line))
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    faults[offset] = Malformed(f"It is no JSON object: {error}.")
                    rows.append({})
            # A row may lack a column, as a table has gaps; one that no row has is a wrong name.
            known.update(*rows)
            if first == 1:
                _present(path, known, columns, optional)
            cells = {name: [row.get(name) for row in rows] for name in columns}
            yield _batch(first, len(batch), cells, columns, faults)
            first += len(batch)


def _parquet(path: Path, columns: Collection[str], optional: Collection[str]) -> Iterator[Batch]:
    with _seekable(path) as source, parquet.ParquetFile(source, buffer_size=1 << 16) as file:
        wanted = _present(path, file.schema_arrow.names, columns, optional)
        first = 1
        for found in file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False):
            faults: dict[int, LedgerError] = {}
            cells = {name: _cells(found.column(name), name, faults) for name in wanted}
            kinds = {name: kind for name in wanted if (kind := _kind_of(found.column(name)))}
            yield _batch(first, found.num_rows, cells, columns, faults, kinds)
            first += found.num_rows


@contextmanager
def _seekable(path: Path) -> Iterator[Any]:
    """Parquet is read from its end, so what is compressed as a whole is unpacked first, on the disk."""
    if path.suffix.lower() == ".gz":
        with tempfile.TemporaryFile() as unpacked, gzip.open(path) as packed:
            shutil.copyfileobj(packed, unpacked)
            yield unpacked
    else:
        yield path


def _cells(column: pa.Array, name: str, faults: dict[int, LedgerError]) -> list[Any]:
    """A column as Python values; cells that have none (text that is no UTF-8, the year 20000) are faults."""
    try:
        if pa.types.is_timestamp(column.type):
            return _shared(column.cast(pa.timestamp("us", column.type.tz), safe=False))
        if _is_string(column.type):
            return _shared(column)
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        found = []
        for offset in range(len(column)):
            try:
                found.append(column[offset].as_py())
            except (ValueError, OverflowError):
                detail = f"{name} holds no value that can be read."
                faults.setdefault(offset, Malformed(detail, field=name))
                found.append(None)
    return found


def _kind_of(column: pa.Array) -> type[Any] | None:
    """What all cells of a column without gaps are."""
    if column.null_count:
        return None
    if _is_string(column.type):
        return str
    return int if pa.types.is_integer(column.type) else None


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _shared(column: pa.Array) -> list[Any]:
    """Cells that often repeat, each different one made once: fewer to make, to hold and to look up."""
    coded = column.dictionary_encode()
    different = coded.dictionary.to_pylist()
    if not column.null_count:
        return [different[at] for at in coded.indices.to_pylist()]
    return [None if at is None else different[at] for at in coded.indices.to_pylist()]


def _batch(
    first: int,
    size: int,
    cells: dict[str, list[Any]],
    columns: Collection[str],
    faults: dict[int, LedgerError],
    kinds: dict[str, type[Any]] | None = None,
) -> Batch:
    """A batch with every column; those the file lacks are empty."""
    filled = {name: cells.get(name) or [None] * size for name in columns}
    return Batch(first, size, filled, faults, {} if faults else kinds or {})
