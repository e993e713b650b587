"""The closed register of read models."""

from __future__ import annotations

from projections.account_days import ACCOUNT_DAYS
from projections.base import Projection
from projections.cards import CARDS
from projections.claims import CLAIMS, PAYOUTS
from projections.coverage import COVERAGE
from projections.incidents import INCIDENT_MEMBERS
from projections.order_status import ORDER_STATUS
from projections.penalties import PENALTIES
from projections.pet_fund import FUND_DUES, PET_FUND
from projections.policies import POLICIES
from projections.refunds import REFUNDS
from projections.returning_buyers import RETURNING_BUYERS
from projections.shops import SHOPS

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
)
"""Every read model there is; the engine keeps these up to date and `verify` proves them."""
