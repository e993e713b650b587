"""JSON payloads: one that fills a file, or one a line; what is broken spoils itself alone."""

import gzip
import json
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from api.importers import payloads, readers
from api.importers.documents import Skip
from api.importers.payloads import Feed, Item, Said
from ledger.decisions.base import Request
from ledger.decisions.order import CloseOrder, PayOrder
from ledger.errors import LedgerError, Malformed

FILES = {
    "a document":             ("a.json", '{\n "a": 1.50\n}\n', [{"a": Decimal("1.50")}]),
    "behind a mark of order": ("a.json", '\ufeff{"a": 1}', [{"a": 1}]),
    "lines":                  ("a.jsonl", '{"a": 1}\n\n[2]\n', [{"a": 1}, [2]]),
    "lines, called json":     ("a.json", '{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
    "packed":                 ("a.ndjson.gz", '{"a": 1}\n', [{"a": 1}]),
    "nothing":                ("a.jsonl", "", []),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "found"), FILES.values(), ids=list(FILES))
def test_what_a_file_holds(tmp_path: Path, name: str, text: str, found: Any):
    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert list(readers.payloads(tmp_path / name)) == found


def test_a_broken_line_spoils_itself_alone(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 2}\n', encoding="utf-8")
    first, broken, last = readers.payloads(path)
    assert (first, last) == ({"a": 1}, {"a": 2})
    assert isinstance(broken, Malformed)
    assert "Line 2" in broken.detail


@pytest.mark.parametrize("text", ['{\n "a": 1,\n "b": [\n', "[\n", "nothing"])
def test_a_broken_document_is_one_refusal(tmp_path: Path, text: str):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    (broken,) = readers.payloads(tmp_path / "a.json")
    assert isinstance(broken, Malformed)
    assert broken.detail.startswith("The file is no JSON")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.txt"])
def test_other_files_are_refused(tmp_path: Path, name: str):
    (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(Malformed, match="its name should end in one of"):
        list(readers.payloads(tmp_path / name))


def test_a_file_that_is_missing(tmp_path: Path):
    with pytest.raises(Malformed, match="No such file"):
        list(readers.payloads(tmp_path / "a.json"))


def documents(tmp_path: Path, *found: Any) -> list[tuple[Any, ...]]:
    """What a file tells whose payloads are lists of numbers: each says itself, 0 is refused, 9 says nothing new."""

    def say(number: int) -> list[Said]:
        if number == 0:
            raise Malformed("nothing")
        return (
            [Said("", Skip("known"))]
            if number == 9
            else [Said(f"{each}", Skip("new")) for each in range(number)]
        )

    def items(payload: Any) -> Any:
        return (Item(f"item {number}", partial(say, number)) for number in payload)

    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in found), encoding="utf-8")
    return [
        (
            *document.rows,
            document.name,
            document.outcome.code if isinstance(document.outcome, LedgerError) else "",
        )
        for document in payloads.documents(path, items)
    ]


def test_each_thing_told_is_a_row(tmp_path: Path):
    assert documents(tmp_path, [2, 9], [0, 1]) == [
        (1, "item 2, 0", ""),
        (2, "item 2, 1", ""),
        (3, "item 9", ""),
        (4, "item 0", "malformed"),
        (5, "item 1, 0", ""),
    ]


def test_what_is_nested_too_deeply(tmp_path: Path):
    deep = '{"a": ' * 900 + "1" + "}" * 900
    path = tmp_path / "a.jsonl"
    path.write_text(deep + "\n", encoding="utf-8")

    def items(payload: Any) -> Any:
        yield from items(payload["a"] if isinstance(payload, dict) else [payload, *items(payload)])

    (document,) = payloads.documents(path, items)
    assert isinstance(document.outcome, Malformed)


FEED = Feed("shopify", "shop", "s1")


def request(said: Said) -> Request:
    assert isinstance(said.outcome, Request)
    return said.outcome


def test_what_is_said_once_is_told_by_its_first_word():
    said = [request(FEED.says("", PayOrder(id="shop:1", cash=cash), once=True)) for cash in (1, 2)]
    assert {each.key for each in said} == {"shopify/orders.pay/shop:1"}
    assert said[0].digest == said[1].digest
    assert said[0].source is not None
    assert said[1].source is not None
    assert said[0].source.digest != said[1].source.digest


def test_versions_and_parts_have_keys_of_their_own():
    pay = PayOrder(id="shop:1", cash=1)
    assert request(FEED.says("", pay, part="p2", version=7)).key == "shopify/orders.pay/shop:1/p2@7"
    assert request(FEED.says("", pay)).digest != request(FEED.says("", PayOrder(id="shop:1", cash=2))).digest


def test_a_command_agrees_with_its_schema():
    with pytest.raises(Malformed, match="cash"):
        FEED.says("", PayOrder(id="shop:1", cash=-1))
    with pytest.raises(Malformed, match="id"):
        FEED.says("", CloseOrder(id="no-platform"))


@pytest.mark.parametrize(
    ("text", "name"), [("A  b\tc", "A_b_c"), ("", ""), (None, ""), (" x ", "x"), (7, "7")]
)
def test_a_text_of_people_as_a_name(text: object, name: str):
    assert payloads.token(text) == name
    assert len(payloads.token("x" * 500)) == 128
