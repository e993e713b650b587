"""The ledger: what happened, what may happen, and the money that moved because of it."""
