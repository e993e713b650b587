"""Stories of the counterfeit exchange: who may share a notice, and what it has to say."""

from ledger.decisions.notice import RegisterBrand, ShareNotice, WithdrawNotice
from ledger.errors import AlreadyExists, Malformed, UnknownBrand, UnknownNotice
from ledger.events.notice import BrandRegistered, CounterfeitNoticeShared, CounterfeitNoticeWithdrawn
from tests.ledger.stories import Reported, Row, but, has, stories, tell

NOTHING = ()
EVIDENCE = "0a" * 32
NORTH = RegisterBrand(id="north", names=("North",), suppliers=("sup-1",), articles=("NO-*",))
SOUTH = RegisterBrand(id="south", names=("South Sea",))
SHARE = ShareNotice(id="n1", brand="north", source="south", skus=("NO-1",), evidence=EVIDENCE)
WITHDRAW = WithdrawNotice(id="n1", reason="a mistake")
SAID = ("north", "south", ("NO-1",), (), (), (), EVIDENCE)
SHARED = (NORTH, SOUTH, SHARE)

NOTICES: dict[str, Row] = {
    "a brand joins":                ((), NORTH,                         [BrandRegistered(("North",), ("sup-1",), ("NO-*",))]),
    "the same again":               ((NORTH,), NORTH,                   NOTHING),
    "it is known by more":          ((NORTH,), but(NORTH, suppliers=()), [has(BrandRegistered, suppliers=())]),
    "without a name":               ((), but(NORTH, names=()),          Malformed),
    "a notice":                     ((NORTH, SOUTH), SHARE,             [CounterfeitNoticeShared(*SAID)]),
    "it is shared":                 (SHARED, SHARE,                     NOTHING),
    "with other content":           (SHARED, but(SHARE, skus=("NO-2",)), AlreadyExists),
    "it says nothing":              ((NORTH, SOUTH), but(SHARE, skus=()), Malformed),
    "of a brand nobody knows":      ((SOUTH,), SHARE,                   UnknownBrand),
    "by a brand nobody knows":      ((NORTH,), SHARE,                   UnknownBrand),
    "a report of that":             ((NORTH,), Reported(SHARE),         [CounterfeitNoticeShared(*SAID, ("unknown_brand",))]),
    "withdrawn":                    (SHARED, WITHDRAW,                  [CounterfeitNoticeWithdrawn("a mistake")]),
    "it is withdrawn":              ((*SHARED, WITHDRAW), WITHDRAW,     NOTHING),
    "the same after that":          ((*SHARED, WITHDRAW), SHARE,        NOTHING),
    "a notice nobody shared":       ((), WITHDRAW,                      UnknownNotice),
}  # fmt: skip


@stories(NOTICES)
def test_notices(given, when, then):
    tell(given, when, then)
