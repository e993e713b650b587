"""The yearly trust report as one page: self-contained, without scripts, for screens and paper."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, StrictUndefined

from api import trust
from api.page import plots
from api.trust import TrustReport

_TEMPLATE = "trust.html"


def page(found: TrustReport) -> str:
    """The report as HTML that asks nothing of any network; its plots are drawn in it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = resources.files(__name__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=found,
        cells=trust.cells,
        uplift=list(trust.uplift_cells(found)),
        plots=plots.of(found),
    )
