"""The page of the trust report: one file that asks nothing of any network, for eyes, ears and paper."""

import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from api.page import page
from api.page.plots import of
from api.trust import (
    BenefitUplift,
    FigureChange,
    FigureRow,
    FigureValue,
    TrustFigure,
    TrustReport,
    TrustSection,
    UpliftFigure,
    cells,
    change_text,
    duration,
    text,
)
from projections.trust_figures import SECTIONS

CHROMIUM = shutil.which("chromium") or ""
_ALONE = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--proxy-server=127.0.0.1:9"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class _Rows(HTMLParser):
    """The texts of the cells of every row that names its figure."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self._row: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            name = dict(attrs).get("data-figure")
            self._row = self.rows.setdefault(name, []) if name and name not in self.rows else None
        elif tag in {"td", "th"} and self._row is not None:
            self._row.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._row:
            self._row[-1] += data.strip()


def cells_of(html: str) -> dict[str, list[str]]:
    """The first row of every figure of a page."""
    parser = _Rows()
    parser.feed(html)
    return parser.rows


def opened_offline(path: Path) -> str:
    """The page as a real browser has it after loading, without a network; whatever it asks for fails the test."""
    with tempfile.TemporaryDirectory() as profile:
        log = Path(profile, "net.json")
        command = [CHROMIUM, *_ALONE, f"--user-data-dir={profile}"]
        command += [f"--log-net-log={log}", "--dump-dom", path.as_uri()]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        asked = re.findall(r'"url":"([^"]+)"', log.read_text(encoding="utf-8"))
    foreign = [
        url
        for url in asked
        if not url.startswith(("file:", "data:", "chrome", "about:")) and "google" not in url
    ]
    assert not foreign
    return shown


def value(amount: int, whole: int | None = None, percent: str | None = None) -> FigureValue:
    return FigureValue(amount, whole, percent)


def made(rows: dict[str, list[FigureRow]]) -> TrustReport:
    """A report in which only some figures have rows of their own."""
    why = "nobody looked"
    unknown = FigureRow("", "", None, why, None, why, None)
    sections = [
        TrustSection(
            section.name,
            section.title,
            [
                TrustFigure(
                    figure.name,
                    figure.title,
                    figure.unit,
                    figure.by,
                    figure.means,
                    rows.get(figure.name, [unknown]),
                )
                for figure in section.figures
            ],
        )
        for section in SECTIONS
    ]
    return TrustReport(2021, False, 1_234, 30, "an association, not a cause", sections, [])


COVERED = FigureRow(
    "", "", value(9, 10, "90.0"), "", value(1, 2, "50.0"), "", FigureChange(None, "80.0", "40.0")
)
FILED = [
    FigureRow("late-dispatch", "", value(1_200), "", value(0), "", FigureChange(1_200, None, None)),
    FigureRow("<script>alert(1)</script>", "", value(3), "", value(6), "", FigureChange(-3, "-50.0", None)),
    FigureRow("", "", value(1_203), "", value(6), "", FigureChange(1_197, "19950.0", None)),
]
REPORT = made({"orders.covered": [COVERED], "claims.filed": FILED})


def test_the_page_shows_every_figure():
    found = cells_of(page(REPORT))
    assert list(found) == [figure.name for section in SECTIONS for figure in section.figures]
    assert found["orders.covered"] == [
        "covered orders",
        "",
        "90.0 % (9 of 10)",
        "50.0 % (1 of 2)",
        "+40.0 points (+80.0 %)",
    ]
    assert found["orders.paid"] == ["paid orders", "", "–", "–", "nobody looked"]
    assert found["claims.filed"] == ["claims filed", "late-dispatch", "1,200", "0", "+1,200"]


def test_the_page_needs_nothing_and_runs_nothing():
    html = page(REPORT)
    assert "://" not in html
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not re.findall(r"\b(?:src|on\w+)=", html)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', html))
    assert "default-src 'none'" in html
    for rule in ("prefers-color-scheme: dark", "@media print"):
        assert rule in html


def test_plots_have_words_names_of_their_own_and_the_colours_of_the_page():
    html = page(REPORT)
    drawn = of(REPORT)
    assert [plot.title for plot in drawn] == ["Shares in percent", "Claims filed by benefit"]
    assert "covered orders: 90.0 % 2021, 50.0 % 2020" in drawn[0].says
    assert "late dispatch: unknown 2021, unknown 2020" in drawn[0].says
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', html)) <= {(name, "") for name in ids} | {
        ("", name) for name in ids
    }
    assert "var(--year)" in drawn[0].svg
    assert not re.search(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]\b", drawn[0].svg)
    assert of(REPORT) == drawn


def test_uplift_is_told_with_what_it_is_not():
    unknown = UpliftFigure(None, None, "visits are known on at most 0 and 0 of 30 days", None)
    orders = UpliftFigure(value(100), value(150), "", FigureChange(50, "50.0", None))
    again = UpliftFigure(value(1, 4, "25.0"), value(2, 4, "50.0"), "", FigureChange(None, "100.0", "25.0"))
    report = msgspec.structs.replace(
        REPORT, uplift=[BenefitUplift("seven-day-return", 3, 1, orders, unknown, again)]
    )
    html = page(report)
    assert "an association, not a cause Windows of 30 days." in html
    found = cells_of(html)
    assert found["uplift.orders"] == ["seven-day-return", "2 of 3", "orders", "100", "150", "+50 (+50.0 %)"]
    assert found["uplift.conversion"] == ["conversion", "–", "–", unknown.unknown]
    assert found["uplift.repurchase"][-1] == "+25.0 points (+100.0 %)"
    assert of(report)[-1].says == "seven-day-return: 100 before, 150 from the day on"


def test_a_report_without_anything_has_no_plot():
    assert of(made({})) == []


@pytest.mark.parametrize(("seconds", "shown"), [
    (0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (3_601, "1 h"), (90_000, "1 d 1 h"), (86_461, "1 d"),
])  # fmt: skip
def test_durations(seconds: int, shown: str):
    assert duration(seconds) == shown


@pytest.mark.parametrize(("unit", "told", "currency", "shown"), [
    ("count", value(1_234), "", "1,234"),
    ("money", value(179_100), "CNY", "1,791.00 CNY"),
    ("money", value(0), "", "none"),
    ("share", value(1, 3, "33.3"), "", "33.3 % (1 of 3)"),
    ("share", value(100, 300, "33.3"), "CNY", "33.3 % (1.00 of 3.00)"),
    ("time", value(7_200, 5), "", "2 h (5)"),
    ("count", None, "", ""),
])  # fmt: skip
def test_values_for_people(unit: str, told: FigureValue | None, currency: str, shown: str):
    assert text(unit, told, currency) == shown


@pytest.mark.parametrize(("unit", "change", "currency", "shown"), [
    ("count", FigureChange(50, "50.0", None), "", "+50 (+50.0 %)"),
    ("count", FigureChange(-50, "-50.0", None), "", "-50 (-50.0 %)"),
    ("count", FigureChange(0, "0.0", None), "", "unchanged"),
    ("count", FigureChange(7, None, None), "", "+7"),
    ("money", FigureChange(-150, "-1.5", None), "CNY", "-1.50 CNY (-1.5 %)"),
    ("time", FigureChange(3_600, "100.0", None), "", "+1 h (+100.0 %)"),
    ("share", FigureChange(None, "21.0", "2.1"), "", "+2.1 points (+21.0 %)"),
    ("share", FigureChange(None, None, "-2.1"), "", "-2.1 points"),
    ("share", None, "", ""),
])  # fmt: skip
def test_changes_for_people(unit: str, change: FigureChange | None, currency: str, shown: str):
    assert change_text(unit, change, currency) == shown


def test_what_all_come_to_is_named():
    figure = next(
        each for section in REPORT.sections for each in section.figures if each.name == "claims.filed"
    )
    assert [cell.subject for cell in cells(figure)] == ["late-dispatch", "<script>alert(1)</script>", "all"]


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium here: the page is read as text alone")
def test_a_real_browser_opens_the_page_without_a_network(tmp_path: Path):
    path = tmp_path / "trust.html"
    path.write_text(page(REPORT), encoding="utf-8")
    assert cells_of(opened_offline(path)) == cells_of(page(REPORT))
