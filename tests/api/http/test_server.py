"""The server as a process: several workers on one database, logs as JSON, an end in good order."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api import keys
from api.settings import Settings

SERVE = """
from pydantic import SecretStr
from api.http.server import serve
from api.settings import Settings
serve(Settings(database_url={url!r}, secret=SecretStr({secret!r})), port=0, workers={workers})
"""


class Process:
    """A server in a process of its own; its log is read line by line."""

    def __init__(self, url: str, secret: str, workers: int, folder: Path) -> None:
        code = SERVE.format(url=url, secret=secret, workers=workers)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        self.lines: list[dict[str, Any]] = []
        starting, self.address = workers, ""
        while starting or not self.address:
            self.lines.append(json.loads(self.process.stderr.readline()))
            event = self.lines[-1]["event"]
            starting -= event == "Application startup complete."
            if found := re.search(r"http://\S+:\d+", event):
                self.address = found[0]

    def kill(self) -> None:
        """End the workers too, if they are still there."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=60)
        self.lines += [json.loads(line) for line in rest.splitlines()]
        return self.process.returncode


@pytest.fixture
def key(database_url: str) -> str:
    database = Settings(database_url=database_url).open_database()
    found = keys.create(database, "of the workers", "tests")
    database.close()
    return found


@pytest.fixture
def served(database_url: str, key: str, tmp_path: Path) -> Iterator[Process]:
    found = Process(database_url, "of the workers", 2, tmp_path)
    yield found
    found.kill()


@pytest.mark.slow
def test_workers_share_a_database_and_end_in_good_order(served: Process, key: str):
    headers = {"Authorization": f"Bearer {key}"}

    def place(number: int) -> httpx2.Response:
        # A connection each, so that every worker gets some.
        return httpx2.post(
            f"{served.address}/v1/shops/S{number}/open",
            json={},
            headers=headers | {"Idempotency-Key": f"k{number}"},
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(place, range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["position"] for answer in answers) == list(range(1, 41))
    again = [place(7) for _ in range(6)]
    assert {answer.content for answer in again} == {answers[7].content}
    read = httpx2.get(f"{served.address}/v1/events", params={"after_position": 40}, headers=headers).json()
    assert len(read["events"]) == 40
    assert served.stop() in (0, -signal.SIGTERM)
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(line) for line in served.lines))
    assert not [line for line in served.lines if line["level"] != "info"]


@pytest.mark.slow
def test_an_empty_secret_is_said_aloud(tmp_path: Path):
    server = Process(f"sqlite:///{tmp_path / 'ledger.db'}", "", 1, tmp_path)
    try:
        server.stop()
    finally:
        server.kill()
    (warning,) = [line for line in server.lines if line["level"] == "warning"]
    assert "ASSURANCE_SECRET" in warning["remedy"]
