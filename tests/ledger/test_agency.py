"""Stories of agencies: whom they serve, and the tier of a year."""

from ledger.decisions.agency import AssessTier, ChangeHostProvider, ChangeShopProvider
from ledger.decisions.host import OpenHost
from ledger.decisions.provider import AdmitProvider, ExitProvider
from ledger.decisions.shop import OpenShop
from ledger.errors import CurrencyMismatch, UnknownHost, UnknownProvider, UnknownShop, WrongState
from ledger.events.host import HostProviderChanged
from ledger.events.provider import ProviderTierSet
from ledger.events.shop import ShopProviderChanged
from tests.ledger.stories import Ledger, Reported, Row, but, has, stories, tell

NOTHING = ()
ADMIT, EXIT = AdmitProvider(id="a1", plan="wind-maker"), ExitProvider(id="a1")
SHOP, HOST = OpenShop(id="s1"), OpenHost(id="h1")
SERVE, MANAGE = ChangeShopProvider(id="s1", provider="a1"), ChangeHostProvider(id="h1", provider="a1")
SERVED = (ADMIT, SHOP, HOST, SERVE, MANAGE)

SERVING: dict[str, Row] = {
    "an agency serves a shop":          ((ADMIT, SHOP), SERVE,                  [ShopProviderChanged("a1")]),
    "the same again":                   (SERVED, SERVE,                         NOTHING),
    "another takes its place":          ((*SERVED, AdmitProvider(id="a2")), but(SERVE, provider="a2"), [ShopProviderChanged("a2")]),
    "none does":                        (SERVED, but(SERVE, provider=""),       [ShopProviderChanged("")]),
    "an agency nobody admitted":        ((SHOP,), SERVE,                        UnknownProvider),
    "one that has left":                ((ADMIT, EXIT, SHOP), SERVE,            WrongState),
    "a report of that":                 ((SHOP,), Reported(SERVE),              [ShopProviderChanged("a1", ("provider_not_admitted",))]),
    "a shop nobody opened":             ((ADMIT,), SERVE,                       UnknownShop),
    "an agency manages a host":         ((ADMIT, HOST), MANAGE,                 [HostProviderChanged("a1")]),
    "who had one from the first":       ((ADMIT, but(HOST, provider="a1")), MANAGE, NOTHING),
    "and may change":                   ((AdmitProvider(id="a2"), but(HOST, provider="a1")), but(MANAGE, provider="a2"), [HostProviderChanged("a2")]),
    "an agency unknown to hosts":       ((HOST,), MANAGE,                       UnknownProvider),
    "that has left its hosts":          ((ADMIT, EXIT, HOST), MANAGE,           WrongState),
    "a host nobody opened":             ((ADMIT,), MANAGE,                      UnknownHost),
}  # fmt: skip

OVER = 10_000_000_001
TIER = AssessTier(id="a1", year=2021, sales=OVER, position=1)
REACHED = (ADMIT, TIER)

TIERS: dict[str, Row] = {
    "over a hundred million":           ((ADMIT,), TIER,                        [ProviderTierSet(2021, "100 M", "1", "CNY", OVER, 1)]),
    "not at it":                        ((ADMIT,), but(TIER, sales=OVER - 1),   NOTHING),
    "the same tier by more sales":      (REACHED, but(TIER, sales=OVER + 9),    NOTHING),
    "a billion":                        (REACHED, but(TIER, sales=100_000_000_000), [has(ProviderTierSet, tier="1 bn")]),
    "too much was given back":          (REACHED, but(TIER, sales=5),           [has(ProviderTierSet, tier="", sales=5)]),
    "an older count":                   ((ADMIT, EXIT, but(TIER, position=2)), but(TIER, sales=5, position=1), NOTHING),
    "another year":                     (REACHED, but(TIER, year=2022),         [has(ProviderTierSet, year=2022)]),
    "more went back than came":         ((ADMIT,), but(TIER, sales=-7),         NOTHING),
    "in another currency":              ((ADMIT,), but(TIER, currency="USD"),   CurrencyMismatch),
    "an agency nobody admitted":        ((SHOP,), TIER,                         UnknownProvider),
    "figures of the future":            ((ADMIT,), but(TIER, position=2),       WrongState),
}  # fmt: skip


@stories(SERVING)
def test_serving(given, when, then):
    tell(given, when, then)


@stories(TIERS)
def test_tiers(given, when, then):
    tell(given, when, then)


def test_a_tier_stays_when_the_agency_comes_again():
    ledger = Ledger((*REACHED, EXIT, but(ADMIT, name="New")))
    (tier,) = ledger.state("provider-a1").tiers
    assert (tier.year, tier.name) == (2021, "100 M")
