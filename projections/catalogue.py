"""The closed register of read models."""

from __future__ import annotations

from projections.account_days import ACCOUNT_DAYS
from projections.agencies import AGENCIES
from projections.badges import BADGES
from projections.base import Projection
from projections.cards import CARDS
from projections.claims import CLAIMS, PAYOUTS
from projections.complaints import COMPLAINTS
from projections.coverage import COVERAGE
from projections.false_claims import FALSE_CLAIMS, REPORTS
from projections.incidents import INCIDENT_MEMBERS
from projections.notices import CERTIFICATES, NOTICES
from projections.order_status import ORDER_STATUS
from projections.penalties import PENALTIES
from projections.pet_fund import FUND_DUES, PET_FUND
from projections.policies import POLICIES
from projections.refunds import REFUNDS
from projections.reputation import REPUTATION
from projections.returning_buyers import RETURNING_BUYERS
from projections.reviews import REVIEWS
from projections.shops import SHOPS
from projections.traffic import TRAFFIC
from projections.trust_cases import TRUST_CLAIMS, TRUST_REFUNDS
from projections.trust_days import BENEFIT_OPENINGS, SHOP_VISITS, TRUST_DAYS
from projections.trust_orders import TRUST_ORDERS, TRUST_SESSIONS
from projections.votes import VOTES

PROJECTIONS: tuple[Projection, ...] = (
    ORDER_STATUS,
    REFUNDS,
    RETURNING_BUYERS,
    ACCOUNT_DAYS,
    PET_FUND,
    FUND_DUES,
    CARDS,
    INCIDENT_MEMBERS,
    PENALTIES,
    COVERAGE,
    CLAIMS,
    PAYOUTS,
    POLICIES,
    SHOPS,
    BADGES,
    AGENCIES,
    TRAFFIC,
    TRUST_ORDERS,
    TRUST_SESSIONS,
    TRUST_REFUNDS,
    TRUST_CLAIMS,
    TRUST_DAYS,
    SHOP_VISITS,
    BENEFIT_OPENINGS,
    REPUTATION,
    REVIEWS,
    VOTES,
    COMPLAINTS,
    FALSE_CLAIMS,
    REPORTS,
    NOTICES,
    CERTIFICATES,
)
"""Every read model there is; the engine keeps these up to date and `verify` proves them."""
