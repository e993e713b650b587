"""Facts of the appraisal warehouse: pieces of goods (`item-{serial}`) and the labs that see them."""

from __future__ import annotations

from ledger.events.base import Fact


class ItemReceived(Fact):
    """A piece that was sold as unit `unit` of a line (both from 1) arrived at the lab's warehouse."""

    TOPIC = "item-received"

    order: str
    line: int
    unit: int
    shop: str
    lab: str
    marks: tuple[str, ...] = ()


class CheckRecorded(Fact):
    """The lab compared what was `said` of the piece with what it `found`.

    `check` is material, weight, item (it is what was ordered) or narration (what was said on air is true).
    `evidence` is the SHA-256 of the lab's record in hexadecimal.
    """

    TOPIC = "check-recorded"

    check: str
    passed: bool
    said: str = ""
    found: str = ""
    evidence: str = ""
    marks: tuple[str, ...] = ()


class AppraisalPassed(Fact):
    """All four checks were passed."""

    TOPIC = "appraisal-passed"

    marks: tuple[str, ...] = ()


class AppraisalFailed(Fact):
    """The piece is not what was said: it never goes to the buyer, who gets the money back.

    `checks` are those that were not passed.
    """

    TOPIC = "appraisal-failed"

    checks: tuple[str, ...]
    reason: str = ""
    marks: tuple[str, ...] = ()


class CertificateIssued(Fact):
    """The piece has its certificate, whose number no other piece may have.

    The lab is owed its fee (minor units): by the platform, by the shop, or a part by each.
    """

    TOPIC = "certificate-issued"

    certificate: str
    order: str
    shop: str
    lab: str
    currency: str
    platform_fee: int = 0
    shop_fee: int = 0
    again: bool = False
    """Whether the piece has this number from an earlier sale."""
    marks: tuple[str, ...] = ()


class DeviceInspected(Fact):
    """A used device was inspected; `report` is the SHA-256 of the lab's report in hexadecimal."""

    TOPIC = "device-inspected"

    lab: str
    report: str
    grade: str = ""
    findings: str = ""
    marks: tuple[str, ...] = ()


class WarrantyStarted(Fact):
    """The buyer has the inspected device; its warranty runs until `until`, included (UTC microseconds).

    `version` is that of the terms the order was paid under.
    """

    TOPIC = "warranty-started"

    order: str
    line: int
    unit: int
    version: str
    received_at: int
    until: int


class LabPaid(Fact):
    """A lab received what it was owed (minor units)."""

    TOPIC = "lab-paid"

    lab: str
    currency: str
    amount: int
