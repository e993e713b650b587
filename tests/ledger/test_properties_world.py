"""A small world in which every command of the catalogue is asked, mostly when it may be, sometimes when not.

Two shops, three buyers, two hosts and a lab; orders of one to three units a line. What is asked next is drawn
from what is so by now, so that even the last steps of long lives are reached; nothing here says what is right.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from ledger import policies, reputation
from ledger.decisions.base import COMMANDS, Command, Past, identifier, kind
from ledger.decisions.order import OrderLine
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit
from ledger.events.base import Recorded
from tests.ledger.stories import START, Ledger, Reported, Step

SHIPPED = policies.shipped()
BENEFITS = tuple(dict.fromkeys(terms.id for terms in SHIPPED.values()))
BUYERS, LAB = ("b1", "b2", "b3"), "lab"
SUMS = (1, 500, 999, 5_000, 20_000, 100_000)
CHECKS = ("material", "weight", "item", "narration")
DIGEST = "0a" * 32
RECENT = 16
"""Of a kind, what is looked at: what came before is let go."""
MINUTES = 7
"""Between two steps, so that windows of days are open for many of them."""


class Told(Ledger):
    """A ledger in memory whose steps are minutes apart, and which can be copied."""

    minutes = 0

    def now(self) -> datetime:
        return START + timedelta(minutes=self.minutes)

    def past(self) -> Past:
        self.minutes += MINUTES
        now = int(self.now().timestamp() * 1_000_000)
        return Past(self.memory, self.known, len(self.memory.facts), now)

    def copy(self) -> "Told":
        other = Told()
        other.memory.facts = self.memory.facts.copy()
        other.posted = self.posted.copy()
        other.minutes = self.minutes
        known, mine = other.known, self.known
        known.states, known.accounts = mine.states.copy(), mine.accounts.copy()
        known.uses, known.looked_up = mine.uses.copy(), mine.looked_up.copy()
        known.last_account = mine.last_account
        return other


class World:
    """What there is by now, and the chance that says what is asked next."""

    def __init__(self, ledger: Told, chance: Random) -> None:
        self.ledger, self.chance = ledger, chance
        self.most = self.one((60_000, 1_000_000))
        """What the fund is given at most: in some worlds it is always short, in others it can pay for batches."""
        self.ids: dict[str, dict[str, None]] = {}
        self.seen = 0

    def look(self) -> None:
        """Learn of the streams that the newest facts stand in."""
        for recorded in self.ledger.memory.facts[self.seen :]:
            self.ids.setdefault(kind(recorded.stream), {})[identifier(recorded.stream)] = None
        self.seen = len(self.ledger.memory.facts)

    # What is drawn.

    def likely(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def one(self, of: Sequence[Any]) -> Any:
        return of[self.chance.randrange(len(of))]

    def some(self, of: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(each for each in of if self.likely(60)) or (self.one(of),)

    def sum(self) -> int:
        found: int = self.one(SUMS)
        return found

    def part(self, whole: int = 0) -> Any:
        """Nothing said, or a sum that may be as much as there is."""
        whole = max(whole, 1)
        return self.one((None, None, None, 1, max(whole // 2, 1), whole, 999_999))

    def currency(self) -> str:
        return "USD" if self.likely(4) else "CNY"

    def word(self) -> str:
        return "because"

    def when(self, *days: int) -> datetime:
        return self.ledger.now() + timedelta(days=self.one(days))

    # What there is.

    def state(self, kind_: str, id_: str) -> Any:
        return self.ledger.known.states.get(f"{kind_}-{id_}", (0, None))[1]

    def known(self, kind_: str) -> list[str]:
        return list(self.ids.get(kind_, ()))[-RECENT:]

    def find(self, kind_: str, fits: Callable[[Any], object] = bool, otherwise: str = "p:none") -> str:
        """A stream whose state fits, if there is one; now and then any other."""
        ids = self.known(kind_)
        fitting = [id_ for id_ in ids if fits(self.state(kind_, id_))]
        found: str = self.one(fitting if fitting and self.likely(92) else ids or [otherwise])
        return found

    def new(self, kind_: str, prefix: str) -> str:
        """A name that is free, or now and then one that is not."""
        number = len(self.ids.get(kind_, ())) + (0 if self.likely(5) else 1)
        return f"{prefix}{max(number, 1)}"

    def sells(self, kind_: str, id_: str) -> bool:
        """Whether a shop or a host is there and does what it is for."""
        state = self.state(kind_, id_)
        return (
            state is not None
            and state.status == "open"
            and not any(each.what in {"banned", "suspended"} for each in state.restraints)
        )

    def selling(self, kind_: str, prefix: str) -> list[str]:
        """Two of a kind are at work; where one is gone, another takes its place."""
        found = [id_ for id_ in self.known(kind_) if self.sells(kind_, id_)]
        return found[-2:] or [f"{prefix}1"]

    def shops(self) -> list[str]:
        return self.selling("shop", "s")

    def shop(self) -> str:
        found: str = self.one(self.shops())
        return found

    def hosts(self) -> list[str]:
        return self.selling("host", "h")

    def buyer(self) -> str:
        found: str = self.one(BUYERS)
        return found

    def cause(self) -> str:
        return self.find("incident", lambda incident: incident.status, "i1") if self.likely(30) else ""

    # What is asked.

    def ask(self, name: str) -> Step:
        """The command of this name, as a report now and then, at another time now and then."""
        self.look()
        command = made(name, self)
        if self.likely(6):
            at = self.ledger.now() + timedelta(hours=self.one((-900, -30, -2, 40)))
            command = msgspec.structs.replace(command, at=at)
        if name in VERSIONED and self.likely(70):
            return Reported(command, self.chance.randrange(1, 7))
        if self.likely(7):
            return Reported(command, self.one((0, 0, 1)), self.one(("feed", "other")))
        return command


VERSIONED = {"orders.record", "refunds.record"}
"""What sources send again and again, each time as a whole."""
Said = Callable[[World], dict[str, Any]]

# Orders and their goods.


def lines(world: World) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(
            sku=world.one(("cup", "phone", "rice")),
            quantity=world.one((1, 1, 2, 3)),
            amount=world.one((0, 990, 4_999, 9_999, 10_000, 12_345, 19_900, 9_999)) + coupons[0] + coupons[1],
            shop_coupon=coupons[0],
            platform_coupon=coupons[1],
        )
        for coupons in [world.one(((0, 0), (0, 0), (0, 0), (1_000, 0), (0, 2_000)))]
        for _ in range(world.one((1, 1, 2)))
    )


def placing(world: World) -> dict[str, Any]:
    return {
        "shop": world.shop(),
        "buyer": world.one((*BUYERS * 4, "")),
        "currency": world.currency(),
        "lines": lines(world),
        "freight": world.one((0, 0, 600)),
        "host": world.one(("", *(id_ for id_ in world.hosts() if world.sells("host", id_)))),
        "dispatch_by": world.when(-1, 0, 1, 3) if world.likely(50) else None,
    }


def pay(world: World) -> dict[str, Any]:
    id_ = world.find("order", lambda order: order.stage == "placed")
    order = world.state("order", id_)
    due = 0
    if order is not None:
        due = sum(line.amount - line.shop_coupon - line.platform_coupon for line in order.lines)
        due += order.freight
    return {"id": id_, "cash": max(due, 0) if world.likely(96) else world.sum()}


def dispatch(world: World) -> dict[str, Any]:
    id_ = world.find("order", lambda order: order.stage in {"paid", "appraised", "partly_dispatched"})
    order = world.state("order", id_)
    items: list[dict[str, int]] = []
    if order is not None and order.lines and world.likely(40):
        items = [{"line": world.chance.randrange(1, len(order.lines) + 1), "quantity": 1}]
    return {"id": id_, "waybill": f"w{world.chance.randrange(100)}", "items": items}


def deliver(world: World) -> dict[str, Any]:
    def on_the_way(order: Any) -> set[str]:
        return set(order.parcels) - set(order.delivered)

    id_ = world.find("order", on_the_way)
    order = world.state("order", id_)
    return {"id": id_, "waybill": world.one(sorted(on_the_way(order) if order else ()) or ["w0"])}


def fake(world: World) -> dict[str, Any]:
    found = deliver(world)
    return {
        **found,
        "reason": world.word(),
        "fine": world.one((0, 20_000)),
        "digest": world.one(("", DIGEST)),
    }


def record(world: World) -> dict[str, Any]:
    again = world.likely(60)
    id_ = world.find("order", lambda order: order.version) if again else world.new("order", "p:")
    before = world.state("order", id_)
    whose = (
        {"shop": before.shop, "buyer": before.buyer} if before and before.shop and world.likely(90) else {}
    )
    settled = world.likely(30)
    return {
        **placing(world),
        **whose,
        "id": id_,
        "paid": world.likely(85),
        "settled": settled,
        "commission": world.one((0, 300)),
        "host_share": world.one((0, 200)),
    }


def settle(world: World) -> dict[str, Any]:
    id_ = world.find("order", lambda order: order.stage == "confirmed" and not order.settled)
    order = world.state("order", id_)
    host_share = world.one((0, 200)) if order is not None and order.host else 0
    return {"id": id_, "commission": world.one((0, 50, 500)), "host_share": host_share}


def promise(world: World) -> dict[str, Any]:
    return {
        "id": world.find("order", lambda order: not order.paid),
        "by": world.when(-1, 1, 2),
        "lines": world.one(((), (), (1,))),
    }


def open_order(order: Any) -> bool:
    return order.paid and order.stage in {"paid", "partly_dispatched", "at_warehouse", "appraised"}


def cancellable(world: World) -> dict[str, Any]:
    def free(order: Any) -> bool:
        return bool(order.placed) and order.stage in {"placed", "paid"} and not order.paid

    return {"id": world.find("order", free)}


# Refunds.


def paid(order: Any) -> bool:
    return bool(order.paid)


def ask_refund(world: World) -> dict[str, Any]:
    order = world.find("order", paid)
    state = world.state("order", order)
    items: list[dict[str, Any]] = []
    if state is not None and state.lines and world.likely(75):
        line = world.chance.randrange(1, len(state.lines) + 1)
        items = [
            world.one(({"line": line}, {"line": line, "cash": world.sum()}, {"line": line, "units": [1]}))
        ]
    return {"id": world.new("refund", "r"), "order": order, "items": items, "returns": world.likely(40)}


def refund(*statuses: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": world.find("refund", lambda found: found.status in statuses, "r0")}


def completable(found: Any) -> object:
    return found.status == ("returned" if found.returns else "approved")


def refunds_record(world: World) -> dict[str, Any]:
    order = world.find("order", paid) if world.likely(85) else ""
    state = world.state("order", order) if order else None
    fresh = world.likely(60)
    return {
        "id": world.new("refund", "r") if fresh else world.find("refund", lambda found: found.version, "r0"),
        "order": order,
        "shop": state.shop if state and state.shop else world.shop(),
        "buyer": state.buyer if state else "",
        "currency": state.currency if state and state.currency and world.likely(95) else world.currency(),
        "lines": [{"line": world.one((0, 1)) if order else 0, "cash": world.sum()}],
    }


def covered(world: World, found: Any, benefit: str) -> bool:
    """Whether all lines of a refund carry a benefit."""
    streams = [f"{found.order}:{line.line}:{benefit}" for line in found.lines]
    return bool(found.order and streams) and all(world.state("coverage", stream) for stream in streams)


def refund_benefit(world: World) -> dict[str, Any]:
    def own(found: Any) -> str:
        return "seven-day-return" if found.returns else "returnless-refund"

    def may(found: Any) -> bool:
        return found.status in {"requested", "refused", "escalated"} and covered(world, found, own(found))

    id_ = world.find("refund", may, "r0")
    benefit = own(world.state("refund", id_)) if world.state("refund", id_) else "instant-refund"
    return {"id": id_, "benefit": world.one((benefit, benefit, "instant-refund")), "digest": DIGEST}


def freight(world: World) -> dict[str, Any]:
    def back(found: Any) -> object:
        return found.waybill and found.completed and covered(world, found, "return-freight")

    first = world.find("refund", back, "r0")
    waybill = getattr(world.state("refund", first), "waybill", "") or "v0"
    same = [id_ for id_ in world.known("refund") if world.state("refund", id_).waybill == waybill]
    same = same if world.likely(30) else []
    return {"id": waybill, "cost": world.one((800, 2_000)), "refunds": list(dict.fromkeys((first, *same)))}


# Claims.


def claim(*statuses: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": world.find("claim", lambda found: found.status in statuses, "c0")}


CLAIMED = {"counterfeit", "official-authenticity", "device-warranty", "return-freight", "late-dispatch"}
OPEN = ("filed", "contested", "evidence_requested", "evidence_submitted")
GIVEN = ("funded", "short", "paid", "failed", "upheld", "partly_upheld", "unknown")


def file(world: World) -> dict[str, Any]:
    order = world.find("order", lambda found: found.paid and found.buyer and not found.voided)
    state = world.state("order", order)
    carried = [each for each in BENEFITS if world.state("coverage", f"{order}:1:{each}")]
    benefit = world.one((*(each for each in carried if each in CLAIMED), "fraud-law", "food-law", *BENEFITS))
    items: list[dict[str, Any]] = []
    if state is not None and state.lines and world.likely(80):
        number = world.chance.randrange(1, len(state.lines) + 1)
        quantity = max(state.lines[number - 1].quantity, 1)
        items = [{"line": number, "units": [world.chance.randrange(1, quantity + 1)]}]
    return {
        "id": world.new("claim", "c"),
        "order": order,
        "benefit": benefit,
        "items": items,
        "cost": world.one((0, 900, 3_000)),
        "loss": world.one((0, 0, 60_000)),
        "waybill": f"v{world.chance.randrange(30)}" if benefit == "return-freight" else "",
        "cause": world.cause(),
        "lab": LAB,
    }


def uphold(world: World) -> dict[str, Any]:
    found = claim(*OPEN)(world)
    state = world.state("claim", found["id"])
    items: list[dict[str, Any]] = []
    if state is not None and len(state.units) > 1 and world.likely(30):
        items = [{"line": state.units[0].line, "units": [state.units[0].unit]}]
    return {
        **found,
        "items": items,
        "amount": world.one((None, None, None, None, 0, 700)),
        "fault": world.one(("shop", "shop", "shop", "lab", "platform")),
        "reviewed": world.likely(30),
    }


def transfer(*statuses: str) -> Callable[[World], dict[str, Any]]:
    def asked(world: World) -> dict[str, Any]:
        def has(found: Any) -> list[str]:
            return [payment.transfer for payment in found.payments if payment.status in statuses]

        id_ = world.find("claim", has, "c0")
        state = world.state("claim", id_)
        return {"id": id_, "transfer": world.one((has(state) if state else []) or [f"{id_}/1"])}

    return asked


def appeal_claim(world: World) -> dict[str, Any]:
    id_ = world.find("claim", lambda found: found.decision and not found.appealed_by, "c0")
    return {"id": id_, "by": world.one(("buyer", "shop")), "reason": world.word()}


def decide_appeal(world: World) -> dict[str, Any]:
    id_ = world.find("claim", lambda found: found.appealed_by, "c0")
    by = getattr(world.state("claim", id_), "appealed_by", "")
    wins = "raised" if by == "buyer" else "overturned"
    return {
        "id": id_,
        "outcome": world.one(("denied", wins, wins, wins)),
        "reason": world.word(),
        "amount": world.one((None, None, None, 999_999, 700)),
        "reviewed": world.likely(30),
        "recover": world.likely(50),
    }


def cancel_payout(world: World) -> dict[str, Any]:
    def unpaid(found: Any) -> bool:
        return found.upheld and not found.appealed_by and found.decided > found.paid

    return {"id": world.find("claim", unpaid, "c0"), "reason": world.word()}


def recover(world: World) -> dict[str, Any]:
    id_ = world.find("claim", lambda found: found.owed_back, "c0")
    return {"id": id_, "amount": world.part(getattr(world.state("claim", id_), "owed_back", 0))}


def write_off(world: World) -> dict[str, Any]:
    id_ = world.find("shop", lambda shop: shop.recourses, "s1")
    recourses = getattr(world.state("shop", id_), "recourses", ())
    return {
        "id": id_,
        "claim": world.one([each.claim for each in recourses] or ["c0"]),
        "reason": world.word(),
    }


# Penalties.


def proposing(world: World) -> dict[str, Any]:
    party = world.one(("shop", "shop", "shop", "host", "account", "live", "gang", "gang"))
    names = {"shop": world.shops(), "host": world.hosts()}
    measures = ("warning", "training", "removal", "traffic", "suspension", "ban")
    demands = [{"name": name, "days": world.one((0, 2))} for name in measures[:4] if world.likely(20)]
    if world.likely(4):
        demands.append({"name": world.one(measures[4:]), "days": world.one((0, 2))})
    shop = world.one(("", *world.shops())) if party != "shop" else ""
    return {
        "id": world.new("penalty", "x"),
        "party": party,
        "party_id": world.one(names.get(party, (f"{party}-1", f"{party}-2"))),
        "shop": shop,
        "currency": world.currency(),
        "fine": world.one((0, *SUMS)),
        "points": world.one((0, 3)),
        "measures": demands,
        "reason": world.word(),
    }


def impose(world: World) -> dict[str, Any]:
    if world.likely(50):
        return {"id": world.find("penalty", lambda found: found.status == "proposed", "x0")}
    return proposing(world)


def penalty(
    fits: Callable[[Any], object] = lambda found: found.standing, **more: Callable[[World], Any]
) -> Callable[[World], dict[str, Any]]:
    return lambda world: {
        "id": world.find("penalty", fits, "x0"),
        **{name: said(world) for name, said in more.items()},
    }


def increase(world: World) -> dict[str, Any]:
    id_ = world.find("penalty", lambda found: found.outstanding, "x0")
    fine = getattr(world.state("penalty", id_), "fine", 0)
    return {"id": id_, "total": world.one((fine + 5_000, fine * 2, 100)), "sequence": 0}


def pay_fine(world: World) -> dict[str, Any]:
    id_ = world.find("penalty", lambda found: found.outstanding, "x0")
    due = getattr(world.state("penalty", id_), "outstanding", 0)
    return {"id": id_, "amount": world.one((due or 1, due or 1, due + 300, 50))}


def appeal_penalty(world: World) -> dict[str, Any]:
    def free(found: Any) -> bool:
        return found.standing and not found.pending and len(found.decided) < 4

    id_ = world.find("penalty", free, "x0")
    decided = getattr(world.state("penalty", id_), "decided", ())
    left = [each for each in ("first", "second", "prefecture", "judge") if each not in decided]
    return {"id": id_, "instance": left[0] if left and world.likely(70) else world.one(("second", "judge"))}


def pending(found: Any) -> object:
    return found.pending


def vary(world: World) -> dict[str, Any]:
    id_ = world.find("penalty", lambda found: found.pending and found.fine, "x0")
    fine = getattr(world.state("penalty", id_), "fine", 0)
    return {"id": id_, "total": world.one((fine // 2, 0, fine * 2 // 5)), "reason": world.word()}


def record_appeal(world: World) -> dict[str, Any]:
    step = world.one(("filed", "forwarded", "received", "notified"))
    return {
        "id": world.find("penalty", lambda found: found.imposed, "x0"),
        "instance": world.one(("prefecture", "judge")),
        "step": step,
        "ruling": "" if step == "filed" else world.one(("", "upheld", "denied")),
        "sequence": world.chance.randrange(5),
    }


def returning(owed: str) -> Callable[[World], dict[str, Any]]:
    def asked(world: World) -> dict[str, Any]:
        id_ = world.find("penalty", lambda found: found.imposed and getattr(found, owed), "x0")
        return {"id": id_, "amount": world.part(getattr(world.state("penalty", id_), owed, 0))}

    return asked


def void_orders(world: World) -> dict[str, Any]:
    return {
        "id": world.find("penalty", lambda found: found.standing, "x0"),
        "order_ids": world.some(world.known("order")[:2] or ["p:none"]),
    }


# Incidents, the warehouse, cards.


def incident(*statuses: str) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": world.find("incident", lambda found: found.status in statuses, "i0")}


def approve(world: World) -> dict[str, Any]:
    return {**incident("open", "approving")(world), "by": world.one(("ann", "bo", "cy"))}


def member(*statuses: str) -> Callable[[World], dict[str, Any]]:
    """The incident and the buyer of a member in one of these states."""

    def asked(world: World) -> dict[str, Any]:
        found = world.find("member", lambda state: state.status in statuses, "i0:b1")
        id_, _, buyer = found.rpartition(":")
        return {"id": id_, "buyers": [buyer]}

    return asked


def exclude(world: World) -> dict[str, Any]:
    found = member("added")(world)
    return {"id": found["id"], "buyer": found["buyers"][0], "reason": world.word()}


def report_failure(world: World) -> dict[str, Any]:
    found = member("paid")(world)
    id_, buyer = found["id"], found["buyers"][0]
    state = world.state("member", f"{id_}:{buyer}")
    return {"id": id_, "buyer": buyer, "transfer": getattr(state, "transfer", "") or "none"}


def close_incident(world: World) -> dict[str, Any]:
    def done(id_: str) -> bool:
        members = [
            world.state("member", other)
            for other in world.ids.get("member", ())
            if other.startswith(f"{id_}:")
        ]
        return all(each.status != "added" for each in members)

    ready = [id_ for id_ in world.known("incident") if done(id_)]
    return {
        "id": world.one(ready) if ready and world.likely(80) else incident("open", "approved")(world)["id"]
    }


def receive_item(world: World) -> dict[str, Any]:
    def waits(order: Any) -> bool:
        return order.paid and order.stage in {"paid", "at_warehouse"} and len(order.items) < 2

    return {"id": world.new("item", "n"), "order": world.find("order", waits), "lab": LAB}


def check(world: World) -> dict[str, Any]:
    id_ = world.find("item", lambda found: found.status == "received", "n0")
    checks = getattr(world.state("item", id_), "checks", {})
    missing = [name for name in CHECKS if name not in checks]
    return {"id": id_, "check": world.one(missing or CHECKS), "passed": world.likely(90)}


def piece(fits: Callable[[Any], object]) -> Callable[[World], dict[str, Any]]:
    return lambda world: {"id": world.find("item", fits, "n0")}


def certify(world: World) -> dict[str, Any]:
    number = world.chance.randrange(500)
    return {
        **piece(lambda found: found.status == "passed")(world),
        "certificate": f"z{number}",
        "fee": world.one((0, 150, 300)),
        "borne_by": world.one(("platform", "shop")),
    }


def coupon(world: World) -> dict[str, Any]:
    return {
        "id": world.find("card", lambda found: found.tier, "b1"),
        "coupon": f"k{world.chance.randrange(200)}",
        "kind": world.one(("coupon", "red-packet", "shopping-credit")),
        "amount": world.one((500, 2_000)),
        "expires_at": world.when(0, 1, 30) if world.likely(60) else None,
    }


def redeem(world: World) -> dict[str, Any]:
    id_ = world.find("card", lambda found: found.coupons, "b1")
    coupons = getattr(world.state("card", id_), "coupons", ())
    return {
        "id": id_,
        "coupon": world.one([each.coupon for each in coupons] or ["k0"]),
        "order": world.find("order", lambda order: order.buyer == id_),
        "amount": world.one((None, 100)),
    }


# Terms, shops and what else there is.


def publish(world: World) -> dict[str, Any]:
    def unknown(name: str) -> bool:
        terms = SHIPPED[name]
        return all(each.version != terms.version for each in world.state("policy", terms.id) or ())

    ended = [
        terms.id
        for terms in SHIPPED.values()
        if all(each.effective_to is not None for each in world.state("policy", terms.id) or ())
    ]
    if world.likely(60 if ended else 15):
        old = world.one([terms for terms in SHIPPED.values() if terms.id in ended] or list(SHIPPED.values()))
        version = f"new-{world.chance.randrange(1000)}"
        new = msgspec.structs.replace(old, version=version, effective_from=world.when(0, 1, 9))
        return {**told(new), "force": world.likely(80), "reason": world.word()}
    names = [name for name in SHIPPED if unknown(name)] or list(SHIPPED)
    return {**told(SHIPPED[world.one(names)]), "force": True, "reason": world.word()}


def told(command: Command) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(command)
    return {name: value for name, value in found.items() if name != "at"}


def retire(world: World) -> dict[str, Any]:
    id_ = world.find("policy", bool, BENEFITS[0])
    versions = world.state("policy", id_) or ()
    version = versions[-1].version if versions else "none"
    return {
        "id": id_,
        "version": version,
        "effective_to": world.when(1, 20),
        "force": True,
        "reason": world.word(),
    }


def open_next(kind_: str, prefix: str, **more: Any) -> Said:
    """One of the two at work, or the next where one is gone; or a third."""

    def asked(world: World) -> dict[str, Any]:
        enough = len([id_ for id_ in world.known(kind_) if world.sells(kind_, id_)]) >= 2
        id_ = (
            world.one(world.selling(kind_, prefix))
            if enough and world.likely(90)
            else world.new(kind_, prefix)
        )
        return {"id": id_, **{name: world.one(value) for name, value in more.items()}}

    return asked


def open_benefit(world: World) -> dict[str, Any]:
    id_ = world.shop()
    openings = getattr(world.state("shop", id_), "benefits", ())
    open_ = {each.benefit for each in openings if each.until is None}
    closed = [benefit for benefit in world.ids.get("policy", ()) if benefit not in open_]
    return {"id": id_, "benefit": world.one(closed or BENEFITS)}


def close_benefit(world: World) -> dict[str, Any]:
    id_ = world.find("shop", lambda shop: shop.benefits, "s1")
    openings = getattr(world.state("shop", id_), "benefits", ())
    return {"id": id_, "benefit": world.one([each.benefit for each in openings] or ["counterfeit"])}


def restrain(world: World) -> dict[str, Any]:
    return {"id": world.shop(), "cause": world.one(("x1", "x2"))}


def reinstate(world: World) -> dict[str, Any]:
    id_ = world.find("shop", lambda shop: shop.restraints, "s1")
    causes = [each.cause for each in getattr(world.state("shop", id_), "restraints", ())]
    return {"id": id_, "cause": world.one(causes or ["x1"])}


def refund_deposit(world: World) -> dict[str, Any]:
    def leaving(shop: Any) -> bool:
        return bool(shop.status == "closing" or shop.banned)

    return {
        "id": world.find("shop", leaving, "t1"),
        "at": world.when(600),
        "amount": world.one((None, None, 100)),
    }


def payable(kind_: str) -> Callable[[World], dict[str, Any]]:
    """A party that is owed something, and how much of it is paid."""

    def asked(world: World) -> dict[str, Any]:
        ids = world.known(kind_) or [LAB]
        owed = {id_: world.ledger.balance(f"{kind_}_payable:{id_}") for id_ in ids}
        id_ = world.one([each for each, held in owed.items() if held > 0] or ids)
        return {"id": id_, "amount": world.part(owed[id_])}

    return asked


def charge(world: World) -> dict[str, Any]:
    found = payable("shop")(world)
    return {"id": found["id"], "amount": world.one((1, 300, 900)), "currency": world.currency()}


CORRECTABLE = """
    refund-completed order-settled deposit-paid deposit-refunded shop-paid-out host-paid-out pet-fund-contributed
    adjustment-recorded platform-fund-movement-recorded freight-service-charged warranty-service-charged
    subsidy-granted lab-paid
""".split()


def correct(world: World) -> dict[str, Any]:
    """The last fact of which a correction is likely, or any."""
    topics = set(CORRECTABLE if world.likely(60) else CORRECTABLE[:2])
    facts: list[Recorded] = world.ledger.memory.facts[-200:]
    wanted = [each.position for each in facts if each.fact.TOPIC in topics]
    return {"id": str(world.one(wanted or [1]) if world.likely(85) else 10**6), "reason": world.word()}


def assess(world: World) -> dict[str, Any]:
    return {
        "id": world.buyer(),
        "position": len(world.ledger.memory.facts),
        "paid_orders": world.chance.randrange(6),
        "voided": world.one((0, 0, 1)),
        "rejected": world.one((0, 0, 2)),
    }


def assess_badge(world: World) -> dict[str, Any]:
    good = world.likely(60)
    return {
        "id": world.shop(),
        "badge": world.one(("trust-purchase", "quality-merchant")),
        "day": "2021-06-10",
        "position": len(world.ledger.memory.facts),
        "index": 800 if good else 100,
        "label": "leading" if good else "behind",
        "experience": 48 if good else 20,
        "paid_orders": 100,
        "points": 0 if good else 20,
    }


def allocate(world: World) -> dict[str, Any]:
    return {
        "id": world.shop(),
        "day": f"2021-06-{world.chance.randrange(10, 30)}",
        "position": len(world.ledger.memory.facts),
        "index": world.one((None, 0, 713)),
        "week": world.chance.randrange(60),
        "week_before": world.chance.randrange(20),
    }


def close_period(world: World) -> dict[str, Any]:
    before = world.ledger.now() - timedelta(days=33)
    return {"id": f"{before:%Y-%m}"}


def charge_back(world: World) -> dict[str, Any]:
    order = world.find("order", paid)
    currency = getattr(world.state("order", order), "currency", "") or "CNY"
    return {"id": world.new("chargeback", "g"), "order": order, "amount": world.sum(), "currency": currency}


def repay(world: World) -> dict[str, Any]:
    def owes(found: Any) -> bool:
        return bool(found.received and found.received.refunded > found.repaid and not found.reversed)

    return {"id": world.find("chargeback", owes, "g0"), "amount": world.one((None, 1))}


def order(fits: Callable[[Any], object], **more: Callable[[World], Any]) -> Said:
    return lambda world: {
        "id": world.find("order", fits),
        **{name: said(world) for name, said in more.items()},
    }


def also(said: Said, **more: Callable[[World], Any]) -> Said:
    return lambda world: {**said(world), **{name: each(world) for name, each in more.items()}}


def why(world: World) -> str:
    return world.word()


def a_host(world: World) -> dict[str, Any]:
    return {"id": world.one(world.hosts())}


def a_shop(world: World) -> dict[str, Any]:
    return {"id": world.shop()}


def metrics(world: World) -> list[dict[str, Any]]:
    """Nothing was observed but what buyers do, by whom there is."""
    names = [metric.name for metric in reputation.in_force(0)[1].metrics]
    empty = {"numerator": 0, "n": 0, "peers_numerator": 0, "peers_n": 0, "lower": 0, "equal": 0, "among": 0}
    bought = {"n": 3, "numerator": world.one((0, 3)), "peers_n": 9, "equal": 1, "among": world.one((1, 1, 0))}
    return [{"metric": name, **empty, **(bought if name == names[0] else {})} for name in names]


score: dict[str, Callable[[World], Any]] = {
    "day": lambda world: (world.ledger.now() - timedelta(days=world.one((-1, 0, 0, 1)))).date(),
    "position": lambda world: world.seen,
    "purchases": lambda world: world.one((3, 40)),
    "components": metrics,
}


def a_buyer(world: World) -> dict[str, Any]:
    return {"id": world.buyer()}


def reporting(world: World) -> dict[str, Any]:
    return {
        "id": world.new("report", "f"),
        "session": world.find("live", bool, "l0"),
        "statement": world.one(("silver", "silver", "last-one")),
    }


SAID: dict[str, Said] = {
    "adjustments.record": lambda world: {"id": world.new("adjustment", "a"), "currency": "CNY", "amount": -700},
    "brands.register": lambda world: {"id": world.one(("north", "south")), "names": [world.one(("North", "Cup"))]},
    "brushing.record": lambda world: {"id": f"2021-06-{world.chance.randrange(10, 20)}", "count": 7},
    "cards.change-tier": also(a_buyer, tier=lambda world: world.one(("silver", "gold", "basic"))),
    "cards.expire-coupons": lambda world: {"id": world.find("card", lambda card: card.coupons, "b1")},
    "cards.grant-coupon": coupon,
    "cards.issue": also(a_buyer, tier=lambda world: world.one(("silver", "gold"))),
    "cards.redeem-coupon": redeem,
    "cards.use-benefit": also(a_buyer, benefit=lambda world: world.one(BENEFITS), reference=why),
    "chargebacks.receive": charge_back,
    "chargebacks.repay": repay,
    "chargebacks.reverse": lambda world: {"id": world.find("chargeback", lambda found: found.received, "g0")},
    "claims.appeal": appeal_claim,
    "claims.cancel": cancel_payout,
    "claims.confirm-payment": transfer("sent", "unknown"),
    "claims.contest": also(claim("filed"), reason=why),
    "claims.decide-appeal": decide_appeal,
    "claims.fail-payment": transfer("sent", "unknown", "confirmed"),
    "claims.file": file,
    "claims.forfeit": also(claim("failed"), reason=why),
    "claims.mark-unknown": transfer("sent"),
    "claims.open-recovery": also(claim("paid"), reason=why),
    "claims.pay": claim("funded", "failed", "short"),
    "claims.recover": recover,
    "claims.reject": also(claim(*OPEN), reason=why),
    "claims.request-evidence": also(claim(*OPEN), of=lambda world: world.one(("buyer", "shop", "lab")), what=why),
    "claims.submit-evidence": also(claim(*OPEN), by=lambda world: "buyer", digest=lambda world: DIGEST),
    "claims.uphold": uphold,
    "claims.withdraw": claim(*OPEN),
    "complaints.link-claim": lambda world: {
        "id": world.find("complaint", lambda found: found.order, "q0"),
        "claim": world.find("claim", bool, "c0"),
    },
    "complaints.record": lambda world: {
        "id": world.new("complaint", "q"),
        "order": world.find("order", lambda found: found.placed and not found.voided),
        "reason": world.one(("mismatch", "spoilt")),
    },
    "corrections.record": correct,
    "credit.appeal": also(a_buyer, reason=why),
    "credit.assess": assess,
    "credit.decide-appeal": lambda world: {
        "id": world.find("credit", lambda found: found.appealed, "b1"),
        "limit": world.one((0, 50_000)),
        "reason": world.word(),
    },
    "fines.publish-share": lambda world: {"rate_bp": world.one((10_000, 7_000, 0))},
    "fund.contribute": lambda world: {
        "amount": world.one((500, 5_000, world.most)),
        "currency": world.currency(),
    },
    "hosts.ban": also(a_host, cause=lambda world: "x1"),
    "hosts.change-provider": also(a_host, provider=lambda world: world.one(("", "v0", "v1"))),
    "hosts.close": a_host,
    "hosts.open": open_next("host", "h"),
    "hosts.pay-out": payable("host"),
    "hosts.reinstate": lambda world: {
        "id": world.find("host", lambda host: host.restraints, "h1"),
        "cause": world.one(("x1", "x2", *world.known("penalty"))),
    },
    "hosts.suspend": also(a_host, cause=lambda world: "x2", until=lambda world: world.when(1)),
    "incidents.add-members": also(
        incident("open"), members=lambda world: [{"buyer": buyer} for buyer in world.some((*BUYERS, "b9"))]
    ),
    "incidents.approve": approve,
    "incidents.close": close_incident,
    "incidents.declare": lambda world: {
        "id": world.new("incident", "i"),
        "title": world.word(),
        "cause": world.one(("flood", "i1")),
        "shop": world.one(("", *world.shops())),
    },
    "incidents.exclude-member": exclude,
    "incidents.grant": member("added"),
    "incidents.open-batch": incident("declared"),
    "incidents.pay": member("granted"),
    "incidents.report-failure": report_failure,
    "items.certify": certify,
    "items.check": check,
    "items.fail": also(
        piece(lambda found: found.status == "received" and False in found.checks.values()), reason=why
    ),
    "items.inspect": also(piece(lambda found: found.status in {"passed", "certified"}), report=lambda world: DIGEST),
    "items.pass": piece(lambda found: found.status == "received" and len(found.checks) == len(CHECKS)),
    "items.receive": receive_item,
    "labs.pay": payable("lab"),
    "notices.share": lambda world: {
        "id": world.new("notice", "n"),
        "brand": "north",
        "source": world.one(("north", "south")),
        "skus": ["cup"],
        "evidence": DIGEST,
    },
    "notices.withdraw": lambda world: {"id": world.find("notice", bool, "n0"), "reason": world.word()},
    "offers.mark": lambda world: {"id": f"{world.shop()}:phone", "lab": LAB},
    "offers.unmark": lambda world: {"id": world.find("offer", lambda found: found.marks, "s1:phone")},
    "orders.cancel": cancellable,
    "orders.change-address": order(open_order),
    "orders.close": order(lambda found: found.settled and not found.closed),
    "orders.confirm": order(lambda found: found.stage in {"dispatched", "delivered"} and not found.confirmed),
    "orders.deliver": deliver,
    "orders.dispatch": dispatch,
    "orders.find-fake-dispatch": fake,
    "orders.lift-risk-hold": order(lambda found: found.clock.marks),
    "orders.mark-overdue": order(lambda found: found.paid and found.clock.promised),
    "orders.pay": pay,
    "orders.place": lambda world: {"id": world.new("order", "p:"), **placing(world)},
    "orders.place-risk-hold": order(open_order, reason=why),
    "orders.promise-dispatch": promise,
    "orders.record": record,
    "orders.settle": settle,
    "orders.void": order(lambda found: found.placed and not found.voided and found.claims, reason=why),
    "penalties.add-fee": penalty(amount=lambda world: world.one((50, 300))),
    "penalties.appeal": appeal_penalty,
    "penalties.collect": penalty(lambda found: found.from_deposit and found.outstanding),
    "penalties.complete-training": penalty(lambda found: found.imposed and found.measure("training")),
    "penalties.deny-appeal": penalty(pending),
    "penalties.drop": penalty(lambda found: found.status == "proposed", reason=why),
    "penalties.finalize": penalty(lambda found: found.standing and not found.pending and not found.final),
    "penalties.forward-appeal": penalty(pending),
    "penalties.impose": impose,
    "penalties.increase": increase,
    "penalties.link-case": penalty(authority=why, case=lambda world: f"case-{world.chance.randrange(9)}"),
    "penalties.overturn": penalty(pending),
    "penalties.pay": pay_fine,
    "penalties.propose": proposing,
    "penalties.publish": penalty(lambda found: found.standing and not found.published),
    "penalties.record-appeal": record_appeal,
    "penalties.refer-lead": penalty(authority=why, reference=lambda world: f"n{world.chance.randrange(9)}"),
    "penalties.release": penalty(lambda found: found.final and found.held > found.excess),
    "penalties.remove-accounts": penalty(
        lambda found: found.imposed and found.party in {"gang", "account"},
        accounts=lambda world: world.some([f"acc{n}" for n in range(6)]),
    ),
    "penalties.return": returning("owed_back"),
    "penalties.return-overpayment": returning("overpaid"),
    "penalties.send": penalty(fee=lambda world: world.one((0, 30))),
    "penalties.send-to-collection": penalty(lambda found: found.outstanding and not found.in_collection),
    "penalties.serve": penalty(),
    "penalties.vary": vary,
    "penalties.void-orders": void_orders,
    "periods.close": close_period,
    "policies.publish": publish,
    "policies.retire": retire,
    "projections.skip": lambda world: {
        "id": world.one(("order_status", "refunds")),
        "position": world.chance.randrange(1, 400),
        "reason": "its fold stops there",
    },
    "providers.admit": lambda world: {"id": f"v{world.chance.randrange(3)}"},
    "providers.assess-tier": lambda world: {
        "id": world.find("provider", lambda found: found.status, "v0"),
        "year": 2021,
        "sales": world.one((0, 10_000_000_001, 100_000_000_000)),
        "position": len(world.ledger.memory.facts),
    },
    "providers.exit": lambda world: {"id": world.find("provider", lambda found: found.status == "admitted", "v0")},
    "refunds.advance": refund("requested", "refused", "escalated"),
    "refunds.approve": refund("requested", "refused", "escalated"),
    "refunds.close": refund("requested", "refused", "escalated", "approved", "completed"),
    "refunds.complete": lambda world: {"id": world.find("refund", completable, "r0")},
    "refunds.escalate": refund("requested", "refused"),
    "refunds.receive-return": refund("return_shipped", "returning", "shipped"),
    "refunds.record": refunds_record,
    "refunds.refuse": also(refund("requested", "escalated"), reason=why),
    "refunds.request": ask_refund,
    "refunds.ship-return": also(
        lambda world: {"id": world.find("refund", lambda found: found.returns and not found.waybill, "r0")},
        waybill=lambda world: f"v{world.chance.randrange(40)}",
    ),
    "refunds.use-benefit": refund_benefit,
    "reports.decide": lambda world: {
        "id": world.find("report", lambda found: found.status == "filed", "f0"),
        "upheld": world.likely(50),
    },
    "reports.file": lambda world: {**reporting(world), "user": world.one(("acc0", "acc1", "b1", "b2"))},
    "reports.flag": lambda world: {
        **reporting(world),
        "model": world.one(("ear", "eye")),
        "score_bp": world.one((8_000, 9_500)),
        "digest": DIGEST,
    },
    "returns.claim-freight": freight,
    "reviews.answer": lambda world: {
        "id": world.find("review", lambda found: found.submitted, "y0"),
        "by": world.one(("shop", "host")),
        "digest": DIGEST,
    },
    "reviews.invite": lambda world: {"id": world.new("review", "y"), "order": world.find("order", paid)},
    "reviews.submit": lambda world: {
        "id": world.new("review", "y"),
        "order": world.find("order", lambda found: found.received_at or found.settled),
        "quality": world.one((0, 1, 5)),
        "service": world.one((0, 4)),
    },
    "scores.take": also(a_shop, **score),
    "sessions.begin": lambda world: {"id": world.new("live", "l"), "host": world.one(world.hosts()), "shop": world.one(("", *world.shops()))},
    "sessions.close": lambda world: {"id": world.find("live", lambda found: found.status == "on_air", "l0")},
    "shops.assess-badge": assess_badge,
    "shops.ban": restrain,
    "shops.change-provider": also(a_shop, provider=lambda world: world.one(("", "v0", "v1"))),
    "shops.charge-freight": charge,
    "shops.charge-warranty": charge,
    "shops.close": lambda world: {"id": world.find("shop", lambda shop: shop.status == "closing", "t1")},
    "shops.close-benefit": close_benefit,
    "shops.enter-campaign": also(
        a_shop, campaign=why, kind=lambda world: world.one(("open", "standard", "flagship"))
    ),
    "shops.grant-subsidy": also(
        a_shop, amount=lambda world: world.sum(), currency=lambda world: world.currency()
    ),
    "shops.open": open_next("shop", "s", industry=("", "", "", "food")),
    "shops.open-benefit": open_benefit,
    "shops.pay-deposit": lambda world: {"id": world.find("shop", lambda shop: shop.status, "s1"), "amount": world.sum()},
    "shops.pay-out": payable("shop"),
    "shops.refund-deposit": refund_deposit,
    "shops.reinstate": reinstate,
    "shops.request-closing": a_shop,
    "shops.restrict": restrain,
    "shops.suspend": also(restrain, until=lambda world: world.when(1)),
    "shops.write-off-recourse": write_off,
    "standing.publish-rule": lambda world: {
        "version": f"v{world.chance.randrange(20)}",
        "few_orders": world.chance.randrange(4),
        "few_rate_bp": 5_000,
        "rejected_rate_bp": 2_500,
    },
    "statements.record": lambda world: {
        "id": world.new("statement", "q"),
        "movement": "freeze",
        "currency": "CNY",
        "amount": -500,
    },
    "traffic.allocate": allocate,
    "visits.record": also(a_shop, day=lambda world: f"2021-06-{world.chance.randrange(10, 20)}", visits=lambda _: 90),
    "votes.cast": lambda world: {
        "id": world.new("vote", "e"),
        "item": world.one(("cup", "phone")),
        "shop": world.shop(),
        "user": world.one(("acc0", "acc1", *BUYERS)),
        "worth": world.likely(60),
    },
}  # fmt: skip
"""What each command says, drawn from what there is."""


def made(name: str, world: World) -> Command:
    """The command as it would come through the doors."""
    return msgspec.convert(msgspec.to_builtins(SAID[name](world)), COMMANDS[name])


def beginning() -> list[Step]:
    """All shipped terms, and two shops that carry them."""
    terms: list[Step] = [
        msgspec.structs.replace(published, force=True, reason="the first terms")
        for name, published in SHIPPED.items()
        if not name.endswith("2021-11")
    ]
    shops: list[Step] = []
    for id_ in ("s1", "s2"):
        shops += [OpenShop(id=id_), PayDeposit(id=id_, amount=50_000)]
        shops += [OpenBenefit(id=id_, benefit=benefit) for benefit in BENEFITS]
    return terms + shops
