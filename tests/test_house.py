"""The house keeps its own order: imports run one way, the top stays small, functions stay readable."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
ROOMS = ("ledger", "projections", "api")

DOORS = {"fastapi", "starlette", "uvicorn", "typer", "rich"}
FORBIDDEN_IMPORTS = {
    "ledger": {"projections", "api", "tests"} | DOORS,
    "projections": {"api", "tests"} | DOORS,
    "api": {"tests"},
}

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "alembic.ini",
    "api",
    "docs",
    "ledger",
    "projections",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}

LINES_OF_A_FUNCTION = 70
LONG_FUNCTIONS: dict[str, str] = {}  # "ledger/module.py:name": why it reads better in one piece

UNWANTED = {
    "postponed work": re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b"),
    "a path of a machine": re.compile(r"(?<![\w.}])/(?:work|root|home|Users)/"),
}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (HOUSE / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name(path))


def imported_packages(tree: ast.Module) -> Iterator[str]:
    """The top-level package of every absolute import, wherever it stands."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from (alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every file of the project, committed or about to be."""
    command = "git -c safe.directory=* ls-files -z --cached --others --exclude-standard"
    try:
        listed = subprocess.run(command.split(), cwd=HOUSE, check=True, capture_output=True, text=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("this copy of the project is no git repository")
    return [HOUSE / path for path in listed.split("\0") if path and (HOUSE / path).is_file()]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str):
    found = {
        f"{name(path)} imports {package}"
        for path in modules(room)
        for package in set(imported_packages(parse(path))) & FORBIDDEN_IMPORTS[room]
    }
    assert not found


def test_every_module_says_what_it_is():
    assert not [name(path) for path in modules(*ROOMS, "tests") if not ast.get_docstring(parse(path))]


def test_functions_stay_within_a_screen_or_two():
    long = {
        f"{name(path)}:{node.name}"
        for path in modules(*ROOMS)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LINES_OF_A_FUNCTION
    }
    assert long == set(LONG_FUNCTIONS)


def test_the_top_level_stays_small(files: list[Path]):
    assert {path.relative_to(HOUSE).parts[0] for path in files} <= TOP_LEVEL


@pytest.mark.parametrize("unwanted", UNWANTED.values(), ids=UNWANTED)
def test_no_file_carries(unwanted: re.Pattern[str], files: list[Path]):
    found = []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="ignore")
        for number, line in enumerate(text.splitlines(), start=1):
            if unwanted.search(line):
                found.append(f"{name(path)}:{number}: {line.strip()[:100]}")
    assert not found


def test_the_lock_names_every_dependency_and_no_index():
    lock = (HOUSE / "requirements.lock").read_text(encoding="utf-8")
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {
        re.match(r"[\w-]+", requirement)[0].lower()  # type: ignore[index]
        for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    }
    assert wanted <= set(re.findall(r"^([\w-]+)==", lock, flags=re.MULTILINE))
    assert "://" not in lock


def test_the_example_in_contributing_is_the_code():
    """Every piece of Python that CONTRIBUTING shows stands so in the ledger, spaces aside."""
    written = (HOUSE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = [path.read_text(encoding="utf-8") for path in sorted((HOUSE / "ledger").rglob("*.py"))]
    code = re.sub(r"\s+", " ", "\n".join(rooms))
    blocks = re.findall(r"```python\n(.*?)```", written, flags=re.DOTALL)
    pieces = [piece for block in blocks for piece in block.strip().split("\n\n\n")]
    assert pieces
    for piece in pieces:
        assert re.sub(r"\s+", " ", piece).strip() in code, piece
