"""The closed register of read models."""

from __future__ import annotations

from projections.account_days import ACCOUNT_DAYS
from projections.base import Projection
from projections.order_status import ORDER_STATUS
from projections.refunds import REFUNDS
from projections.returning_buyers import RETURNING_BUYERS

PROJECTIONS: tuple[Projection, ...] = (ORDER_STATUS, REFUNDS, RETURNING_BUYERS, ACCOUNT_DAYS)
"""Every read model there is; the engine keeps these up to date and `verify` proves them."""
