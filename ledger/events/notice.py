"""Facts of brands (`brand-{id}`) and of the counterfeit notices they share (`notice-{id}`)."""

from __future__ import annotations

from ledger.events.base import Fact


class BrandRegistered(Fact):
    """A brand of the exchange says how its goods are known; the last word stands.

    Its lines are those from its `suppliers`, those whose SKU is one of its `articles` (one that ends in `*`
    stands for all that begin so), and those whose title holds one of its `names` as words.
    """

    TOPIC = "brand-registered"

    names: tuple[str, ...]
    suppliers: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()


class CounterfeitNoticeShared(Fact):
    """The brand `source` found counterfeits of `brand` and shares how they are known.

    By SKU, serial number, certificate number or words of the title (all words of one of `keywords`).
    `evidence` is the SHA-256 of what was found, in hexadecimal.
    """

    TOPIC = "counterfeit-notice-shared"

    brand: str
    source: str
    skus: tuple[str, ...]
    serials: tuple[str, ...]
    certificates: tuple[str, ...]
    keywords: tuple[str, ...]
    evidence: str
    marks: tuple[str, ...] = ()


class CounterfeitNoticeWithdrawn(Fact):
    """The notice was wrong: it matches nothing any more."""

    TOPIC = "counterfeit-notice-withdrawn"

    reason: str
