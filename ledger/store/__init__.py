"""The event store behind eventsourcing's interfaces, on SQLite and PostgreSQL alike.

This module is what `PERSISTENCE_MODULE=ledger.store` names.
"""

from ledger.store.factory import Factory

__all__ = ["Factory"]
