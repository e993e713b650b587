"""What reports must answer by the SQL beside this file, which was written from the documents alone."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from tests.api.cli.conftest import command

DIMENSIONS = {
    "repeat_rate": "repeat experience",
    "praise_rate": "repeat experience",
    "dissatisfaction": "quality",
    "quality_refunds": "quality",
    "handling_time": "service",
    "service": "service",
    "logistics": "service",
    "content": "content",
    "welfare": "content",
}

Shops = dict[str, dict[str, Any]]
"""Of an industry, each shop by its name."""


def script(connection: DuckDBPyConnection, name: str) -> None:
    """Run one of the files of SQL beside this one."""
    connection.execute(Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8"))


def rows(connection: DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """What a query answers, by the names of its columns."""
    asked = connection.execute(query)
    names = [column[0] for column in asked.description or ()]
    return [dict(zip(names, row, strict=True)) for row in asked.fetchall()]


def reckon(connection: DuckDBPyConnection, days: Iterable[date]) -> dict[tuple[str, str], Shops]:
    """All shops by day and industry, from the tables that index.sql asks for."""
    connection.execute("CREATE TEMP TABLE days(day BIGINT)")
    connection.executemany("INSERT INTO days VALUES (? - DATE '1970-01-01')", [[day] for day in days])
    script(connection, "index")
    components: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows(connection, "FROM components ORDER BY day, shop, place"):
        components.setdefault((row["day"], row["shop"]), []).append(row)
    found: dict[tuple[str, str], Shops] = {}
    for row in rows(connection, "SELECT *, (DATE '1970-01-01' + day::INT)::VARCHAR AS date FROM answers"):
        key = row["date"], row["industry"]
        found.setdefault(key, {})[row["shop"]] = _shop(row, components[row["day"], row["shop"]])
    return found


def means(connection: DuckDBPyConnection) -> dict[tuple[str, str], tuple[str | None, int]]:
    """The exact mean of each day and industry, and of how many shops it is."""
    query = """
        SELECT
            (DATE '1970-01-01' + day::INT)::VARCHAR AS date, industry, any_value(whole) AS whole,
            sum(index) FILTER (orders >= 30) AS total, count(*) FILTER (orders >= 30) AS ranked
        FROM answers GROUP BY ALL
    """
    return {
        (row["date"], row["industry"]): (
            str(Fraction(row["total"], row["whole"] * row["ranked"])) if row["ranked"] else None,
            row["ranked"],
        )
        for row in rows(connection, query)
    }


def ask(*report: object) -> Any:
    """What `assurance report` answers to machines, of the database that the environment names."""
    return json.loads(command("report", *report, "--json").stdout)


def compare(connection: DuckDBPyConnection, days: Iterable[date], *clocks: object) -> Counter[str]:
    """Hold all that is answered for some days against the SQL; answers how many shops have which label.

    A shop that is not answered must have nothing that could be: it stands in the middle of all.
    """
    days = list(days)
    expected, expected_means, labels = reckon(connection, days), means(connection), Counter[str]()
    for day in map(str, days):
        answer = ask("reputation", "--day", day, *clocks)
        assert answer["day"] == day
        answered = {each["industry"]: each for each in answer["industries"]}
        for (of_day, industry), shops in expected.items():
            if of_day != day:
                continue
            found = answered.pop(industry, {"mean": None, "ranked": 0, "shops": []})
            assert (found["mean"], found["ranked"]) == expected_means[day, industry]
            labels.update(shop["label"] for shop in shops.values())
            for shop in found["shops"]:
                assert shop == shops.pop(shop["shop"])
            for shop in shops.values():
                assert (shop["index"], shop["label"], shop["orders"]) == ("50.0", "insufficient", 0)
                assert len(shop["missing"]) == len(shop["components"])
        assert not answered
    return labels


def explained(connection: DuckDBPyConnection, day: date) -> int:
    """Hold what explains the index of each shop against the SQL; answers how many shops there are."""
    expected = reckon(connection, [day])
    script(connection, "behind")
    behind = {(row["shop"], row["figure"]): row["positions"] for row in rows(connection, "FROM behind")}
    for shops in expected.values():
        for shop, known in shops.items():
            asked = command("explain", f"shop:{shop}/index", "--day", day, "--limit", 999, "--json")
            answer = json.loads(asked.stdout)
            assert answer["value"] == known["index"]
            parts = {part["name"]: part for part in answer["components"]}
            for name, part in parts.items():
                facts = behind.get((shop, name), [])
                assert (part["count"], sorted(part["positions"])) == (len(facts), facts)
            assert parts.pop("label")["value"] == known["label"]
            assert parts.pop("deduction", {"points": "0"})["points"] == f"{-known['deduction']}"
            assert list(parts) == [component["metric"] for component in known["components"]]
            for component in known["components"]:
                _check_part(parts[component["metric"]], component, shops)
    return sum(map(len, expected.values()))


def _check_part(part: dict[str, Any], component: dict[str, Any], shops: Shops) -> None:
    """Hold one metric as it is explained against what is known of it, and of it in all shops."""
    same = (each for shop in shops.values() for each in shop["components"] if each["metric"] == part["name"])
    percentile = Fraction(component["percentile"])
    assert part["missing"] is not bool(component["n"])
    assert part["weight"] == component["weight"]
    assert part["percentile"] == decimal(percentile)
    assert part["points"] == decimal(Fraction(component["weight"]) * percentile)
    assert part["value"] == (decimal(Fraction(component["value"])) if component["n"] else "")
    assert part["peers"] == _lie([Fraction(each["value"]) for each in same if each["n"]])


def _lie(values: list[Fraction]) -> dict[str, Any] | None:
    """The smallest value, those up to which a quarter, a half, three quarters of all lie, and the largest."""
    if not values:
        return None
    inner = sorted(values)
    lower, middle, upper = (inner[math.ceil(Fraction(part * len(inner), 4)) - 1] for part in (1, 2, 3))
    named = {"least": inner[0], "lower": lower, "middle": middle, "upper": upper, "most": inner[-1]}
    return {**{name: decimal(value) for name, value in named.items()}, "among": len(inner)}


def decimal(value: Fraction) -> str:
    """A value as people see it: four decimals, rounded half-up."""
    whole = (20_000 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{whole // 10_000}.{whole % 10_000:04}"


def returning(connection: DuckDBPyConnection) -> dict[str, Any]:
    """Who came back of all buyers, by repurchase.sql, as `assurance report returning-buyers` answers it."""
    script(connection, "repurchase")
    (found,) = rows(connection, "FROM returning_buyers")
    return found


def came_back(
    connection: DuckDBPyConnection, years: Iterable[int], *clocks: object
) -> dict[int, dict[str, Any]]:
    """Hold the repurchase figures of the trust report against repurchase.sql; answers those of each year."""
    found = {}
    for year in years:
        answer = ask("trust", "--year", year, *clocks)
        told = {
            figure["name"]: row["value"] and (row["value"]["amount"], row["value"]["whole"])
            for section in answer["sections"]
            for figure in section["figures"]
            for row in figure["rows"]
            if not row["subject"]
        }
        connection.execute("SET VARIABLE year = ?", [year])
        figures = connection.execute("FROM repurchase").fetchall()
        # A share of nothing is not nought: it has no value.
        found[year] = {figure: None if whole == 0 else (part, whole) for figure, part, whole in figures}
        assert {figure: told[figure] for figure in found[year]} == found[year]
    return found


def _shop(row: dict[str, Any], components: list[dict[str, Any]]) -> dict[str, Any]:
    costs = {
        each["metric"]: each["weight"] * (50 - Fraction(each["rank"], each["rank_over"]))
        for each in components
    }
    dear = sorted((metric for metric, cost in costs.items() if cost > 0), key=lambda metric: -costs[metric])
    return {
        "shop": row["shop"],
        "index": f"{row['tenths'] // 10}.{row['tenths'] % 10}",
        "exact": str(Fraction(row["index"], row["whole"])),
        "label": row["label"],
        "orders": row["orders"],
        "deduction": row["deduction"],
        "missing": [each["metric"] for each in components if not each["n"]],
        "improve": dear,
        "components": [_component(each) for each in components],
    }


def _component(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "metric": row["metric"],
        "dimension": DIMENSIONS[row["metric"]],
        "weight": f"0.{row['weight']:04}",
        "numerator": row["numerator"],
        "n": row["n"],
        "peers_numerator": row["peers"],
        "peers_n": row["peers_n"],
        "value": str(Fraction(row["shrunk"], row["shrunk_over"])) if row["n"] else None,
        "percentile": str(Fraction(row["rank"], row["rank_over"])),
        "lower": row["lower"],
        "equal": row["equal"],
        "among": row["among"],
    }
