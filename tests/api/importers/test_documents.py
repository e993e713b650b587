"""Lines gathered into documents: whole, in order, and never held for longer than the file goes on."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.importers import documents
from api.importers.documents import Lines, gather
from api.importers.readers import Batch
from ledger.errors import DocumentSplit, LedgerError, Malformed


def batches(ids: str, size: int, faults: dict[int, str] | None = None) -> Iterator[Batch]:
    """One row a letter; a blank names no document. `faults` by row number."""
    for start in range(0, len(ids), size):
        part = [id_.strip() for id_ in ids[start : start + size]]
        found: dict[int, LedgerError] = {
            row - start - 1: Malformed(detail)
            for row, detail in (faults or {}).items()
            if start < row <= start + size
        }
        numbers = list(range(start + 1, start + len(part) + 1))
        yield Batch(start + 1, len(part), {"id": part, "n": numbers}, found, {})


def told(lines: Lines) -> tuple[str, list[int], str]:
    """A document in short; its cells must be those of its rows."""
    assert lines.columns["n"] == list(lines.rows)
    return lines.id, list(lines.rows), type(lines.fault).__name__ if lines.fault else ""


def gathered(ids: str, size: int = 4, **how: dict[int, str]) -> list[tuple[str, list[int], str]]:
    return [told(lines) for lines in gather(batches(ids, size, **how), "id")]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(documents, "QUIET_ROWS", 3)
    monkeypatch.setattr(documents, "HELD_ROWS", 12)


#   ids               documents
STORIES = [
    ("",              []),
    ("aabbb",         [("a", [1, 2], ""), ("b", [3, 4, 5], "")]),
    # one inside another, and across the end of a batch
    ("aabaabbc",      [("a", [1, 2, 4, 5], ""), ("b", [3, 6, 7], ""), ("c", [8], "")]),
    # three rows apart is near enough, four is not
    ("abbabb",        [("a", [1, 4], ""), ("b", [2, 3, 5, 6], "")]),
    ("abbbabb",       [("a", [1], ""), ("b", [2, 3, 4, 6, 7], ""), ("a", [5], "DocumentSplit")]),
    ("abbbbcdeaffffa", [("a", [1], ""), ("b", [2, 3, 4, 5], ""), ("c", [6], ""), ("d", [7], ""), ("e", [8], ""),
                       ("a", [9], "DocumentSplit"), ("f", [10, 11, 12, 13], ""), ("a", [14], "DocumentSplit")]),
    # rows without a document stand alone
    ("a  a",          [("a", [1, 4], ""), ("", [2], "Malformed"), ("", [3], "Malformed")]),
    # nothing is held for ever, however faithfully its lines keep coming
    ("abacadaeafagahaiajak", [("a", [1, 3, 5, 7, 9, 11, 13, 15], "DocumentSplit"), *[
                       (id_, [row], "") for row, id_ in zip(range(2, 17, 2), "bcdefghi", strict=True)],
                       ("a", [17, 19], "DocumentSplit"), ("j", [18], ""), ("k", [20], "")]),
]  # fmt: skip


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize(("ids", "expected"), STORIES)
def test_documents_are_whole_and_in_the_order_of_their_first_lines(
    ids: str, expected: list[tuple[str, list[int], str]]
):
    for size in (4,) if "abacad" in ids else (1, 4, 100):
        assert gathered(ids, size) == expected


def test_one_row_that_cannot_be_read_spoils_its_document_alone():
    assert gathered("aabbab", faults={4: "It is no CSV."}) == [
        ("a", [1, 2, 5], ""),
        ("b", [3, 4, 6], "Malformed"),
    ]
    (_, spoilt) = gather(batches("aabb", 2, {4: "It is no CSV."}), "id")
    assert spoilt.fault is not None
    assert spoilt.fault.detail == "Row 4: It is no CSV."


def test_a_document_that_went_on_too_late_says_where():
    ids = "a" + "b" * documents.QUIET_ROWS
    (*_, late) = gather(batches(ids + "a", 4000), "id")

    assert isinstance(late.fault, DocumentSplit)
    assert "10000 rows before row 10002" in late.fault.detail
    assert gathered(ids[:-1] + "a", 4000)[0] == ("a", [1, documents.QUIET_ROWS + 1], "")


@given(st.text("abcdefgh ", max_size=300), st.integers(1, 40))
def test_every_row_leaves_once_whatever_their_order(ids: str, size: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "QUIET_ROWS", 7)
        patch.setattr(documents, "HELD_ROWS", 30)
        found = gathered(ids, size)

    assert sorted(row for _, rows, _ in found for row in rows) == list(range(1, len(ids) + 1))
    assert [rows[0] for _, rows, _ in found] == sorted(rows[0] for _, rows, _ in found)
    assert all(ids[row - 1].strip() == id_ for id_, rows, _ in found for row in rows)
    recorded = [id_ for id_, _, fault in found if not fault]
    assert len(recorded) == len(set(recorded))
