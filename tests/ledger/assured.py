"""A world with assurance: terms in force, and a shop that has opened them and paid a deposit."""

import msgspec

from ledger import policies
from ledger.decisions.base import Command
from ledger.decisions.policy import PublishPolicy
from ledger.decisions.shop import OpenShop, PayDeposit
from ledger.decisions.standing import OpenBenefit

DEPOSIT = 100_000


def terms(name: str, **rule: object) -> PublishPolicy:
    """The shipped terms of a file, with other rules where they are named; announced without notice."""
    published = policies.shipped()[name]
    rule_ = msgspec.structs.replace(published.rule, **rule)
    return msgspec.structs.replace(published, force=True, reason="the first terms", rule=rule_)


def assured(*names: str, deposit: int = DEPOSIT) -> tuple[Command, ...]:
    """Shop s1 with the terms of these files, in the order they are named."""
    published = tuple(terms(name) for name in names)
    benefits = dict.fromkeys(step.id for step in published)
    opened = tuple(OpenBenefit(id="s1", benefit=benefit) for benefit in benefits)
    paid = (PayDeposit(id="s1", amount=deposit),) if deposit else ()
    return (*published, OpenShop(id="s1"), *paid, *opened)
