"""Importers: files of other systems as requests to the writer, with an account of every row."""

from api.importers.complete_journey import COMPLETE_JOURNEY
from api.importers.documents import Document, Importer, Options
from api.importers.kuaishou import KUAISHOU
from api.importers.mapping import MAPPING
from api.importers.runner import run
from api.importers.shopify import SHOPIFY
from api.importers.stripe import STRIPE
from api.importers.traffic_fines import TRAFFIC_FINES
from api.importers.uci_retail import UCI_RETAIL

FORMATS: dict[str, Importer] = {
    "uci-retail": UCI_RETAIL,
    "traffic-fines": TRAFFIC_FINES,
    "complete-journey": COMPLETE_JOURNEY,
    "kuaishou": KUAISHOU,
    "shopify": SHOPIFY,
    "stripe": STRIPE,
    "mapping": MAPPING,
}
"""The formats by the names that `assurance import` knows them by."""

__all__ = ["FORMATS", "Document", "Importer", "Options", "run"]
