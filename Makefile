# Everything runs in the project's own environment; `make check RUN=` uses the active one.
RUN ?= uv run --extra dev

.PHONY: check format lint types test long mutants bench lock

check: lint types test

format:
	$(RUN) ruff format
	$(RUN) ruff check --fix

lint:
	$(RUN) ruff format --check
	$(RUN) ruff check

types:
	$(RUN) mypy

test:
	$(RUN) pytest

# Hundreds of kills and seeds, which no change waits for.
long:
	$(RUN) pytest -m long -o faulthandler_timeout=0 --hypothesis-profile=long

# Every decision, fold, formula and posting changed a little: the tests have to notice nine of ten.
mutants:
	$(RUN) python -m tests.mutants

bench:
	$(RUN) assurance bench --postgres

# One lock for every platform and Python, bound to no index.
lock:
	uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --extra dev \
		--custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml
