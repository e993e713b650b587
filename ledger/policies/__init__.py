"""The shipped terms, one file a version, and how a policy file is read.

A file names `benefit`, `version`, `effective_from` (and `effective_to`), and beside them the fields of a
rule; sums are whole minor units. What the published articles leave open is a parameter here, never a
constant in code.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from importlib import resources
from typing import Any

import msgspec

from ledger import policy, time
from ledger.decisions.policy import PublishPolicy
from ledger.errors import InvalidPolicy, LedgerError

_HEAD = ("benefit", "version", "effective_from", "effective_to")


def shipped() -> dict[str, PublishPolicy]:
    """The terms that come with the ledger, by the names of their files, in the order they begin."""
    files = [file for file in resources.files(__name__).iterdir() if file.name.endswith(".toml")]
    found = {file.name.removesuffix(".toml"): read(file.read_text(encoding="utf-8")) for file in files}
    return dict(sorted(found.items(), key=lambda item: (item[1].effective_from, item[0])))


def read(text: str) -> PublishPolicy:
    """Read a policy file as the command that publishes it; raises InvalidPolicy for what it may not say."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidPolicy(f"It is no TOML: {error}.") from None
    head = {name: _moment(document.pop(name)) for name in _HEAD if name in document}
    try:
        command = msgspec.convert(
            {"id": head.pop("benefit", None), **head, "rule": document}, type=PublishPolicy
        )
        policy.check(command.rule)
        command.terms()
    except msgspec.ValidationError as error:
        reason = str(error).replace("$.rule", "$").replace("$.id", "$.benefit").replace("$.", "")
        raise InvalidPolicy(f"{reason}.") from None
    except InvalidPolicy:
        raise
    except LedgerError as error:
        raise InvalidPolicy(error.detail) from None
    return command


def _moment(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    """A bare date as its first moment in Asia/Shanghai; anything else as it is."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return time.parse(value.isoformat())
    return value
