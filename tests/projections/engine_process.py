"""A process that keeps the read models of a database up to date until it is ended: URL and batch size."""

import sys
import threading

from ledger.store.database import Database
from projections.engine import Engine


def main(url: str, batch: str) -> None:
    """Run; a line on standard output says that it has begun, the end of standard input that it may stop."""
    stop = threading.Event()
    engine = Engine(Database(url), batch=int(batch))
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    sys.stdin.read()
    stop.set()
    thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
