"""A process that rebuilds a model: URL, name, processes, and `accept` or `broken`; it prints what became of it.

With `broken` the fold of the orders miscounts their cash without a new version, here and, since they import
this module too, in the processes that fold.
"""

import sys

from ledger.errors import LedgerError
from ledger.store.database import Database
from projections import catalogue
from projections.base import Projection
from projections.engine import Engine
from projections.order_status import ORDER_STATUS


def _broken() -> Projection:
    def dump(key, row):
        name, status, shop, host, buyer, currency, cash, *rest = ORDER_STATUS.dump(key, row)
        return (name, status, shop, host, buyer, currency, cash + (name == "p:3"), *rest)

    return ORDER_STATUS._replace(dump=dump)


if "broken" in sys.argv:
    catalogue.PROJECTIONS = tuple(
        _broken() if projection is ORDER_STATUS else projection for projection in catalogue.PROJECTIONS
    )


def main(url: str, name: str, processes: str, how: str = "") -> None:
    """Rebuild, and say how it went."""
    engine = Engine(Database(url), catalogue.PROJECTIONS)
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    try:
        found = engine.rebuild([name], processes=int(processes), accept=how == "accept")
    except LedgerError as error:
        print(error.code, error.detail, flush=True)  # noqa: T201 - as above
    else:
        print(found[0].outcome, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(*sys.argv[1:])
