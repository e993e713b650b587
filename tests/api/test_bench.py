"""The benchmarks run on both stores and say what they measured; how fast is for nobody to assert."""

import json
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from api import bench
from api.bench import data, peer, replay
from api.bench.place import place
from api.bench.suite import Benchmark
from api.importers import FORMATS, Options
from ledger.errors import Malformed

pytestmark = pytest.mark.slow

FIGURE = set("benchmark database case unit against ours theirs ratio pairs target more".split())


@pytest.fixture
def neighbour(database_url: str, postgres_server: sa.URL) -> str:
    """Beside which the benchmarks make their databases."""
    if database_url.startswith("sqlite"):
        return database_url
    return postgres_server.render_as_string(hide_password=False)


def test_every_benchmark_runs_and_its_figures_are_written(neighbour: str, tmp_path: Path):
    output = tmp_path / "bench.json"
    found = bench.run([neighbour], quick=True, output=output)

    assert json.loads(output.read_text(encoding="utf-8")) == json.loads(json.dumps(found))
    assert set(found) == {"machine", "sizes", "databases", "figures"}
    assert found["machine"]["cores"] >= 1
    assert list(found["databases"]) == [sa.make_url(neighbour).get_backend_name()]
    assert {figure["benchmark"] for figure in found["figures"]} == set(Benchmark)
    for figure in found["figures"]:
        assert set(figure) == FIGURE
        assert figure["ours"] > 0
        assert figure["theirs"] > 0
        assert figure["ratio"] > 0
        assert figure["pairs"]


def test_nothing_is_left_behind(neighbour: str, tmp_path: Path):
    def databases() -> set[str]:
        if neighbour.startswith("sqlite"):
            return {path.name for path in tmp_path.iterdir()}
        engine = sa.create_engine(neighbour, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return set(connection.exec_driver_sql("SELECT datname FROM pg_database").scalars())

    before = databases()
    bench.run([neighbour], only=[Benchmark.READ], quick=True)
    assert not {name for name in databases() - before if "bench" in name}


def test_both_sides_hold_the_same(neighbour: str, tmp_path: Path):
    file = tmp_path / "retail.csv"
    data.retail_file(file, 2_000)
    with place(neighbour) as where, peer.application(where.fresh(), batches=True) as application:
        ledger = where.ledger()
        assert data.load_file(ledger, file) >= 2_000
        stored = peer.store(data.facts(ledger), application)
        ours, theirs = replay.states(data.facts(ledger)), peer.replay(application)
        assert stored.events == sum(1 for _ in data.facts(ledger))
    assert ours.keys() == theirs.keys()
    for stream, state in ours.items():
        kind = stream.partition("-")[0]
        names = {"order": "shop buyer currency lines cash settled", "refund": "shop buyer cash lines"}[kind]
        for name in names.split():
            # As JSON, because that makes lists of the peer's tuples.
            mine, other = getattr(state, name), getattr(theirs[stream], name)
            assert msgspec.json.encode(mine) == msgspec.json.encode(other)


def test_the_generated_file_has_the_shape_of_the_real_one(tmp_path: Path):
    file = tmp_path / "retail.csv"
    data.retail_file(file, 20_000)
    kinds: dict[str, list[int]] = {}
    for document in FORMATS["uci-retail"].documents(file, Options()):
        kinds.setdefault(document.kind, []).append(len(document.rows))
    assert set(kinds) == {"sales", "refunds"}
    sales = kinds["sales"]
    assert sum(sales) / len(sales) == pytest.approx(24, rel=0.15)


def test_the_command_prints_the_figures(tmp_path: Path):
    output = tmp_path / "figures.json"
    arguments = ["--quick", "--only", "read", "--output", str(output), "--json"]
    answer = CliRunner().invoke(bench.app, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == json.loads(output.read_text(encoding="utf-8"))


def test_a_url_that_is_none_is_refused():
    with pytest.raises(Malformed), place("nowhere"):
        pass
