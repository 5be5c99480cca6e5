# make run: the product, with all that it needs. make test: its tests, likewise. Settings come from the environment.
PYTHON ?= python3
IN_VENV := .venv/bin/python

.PHONY: run test test-long check bench bench-large chaos clean install install-dev install-kerberos python
.DEFAULT_GOAL := run

run: install
	@exec $(IN_VENV) manage.py run

test: install-dev
	@exec $(IN_VENV) -m tests.run

test-long: install-dev
	@exec $(IN_VENV) -m tests.run --long

check: install-dev
	@exec $(IN_VENV) -m tests.check

bench: install-dev
	@exec $(IN_VENV) -m tests.bench

# SIZE=0.1 for a tenth of a large tenant, ONLY=sqlite, PARTS=http,pages, KEEP=1 to keep the figures; see the program.
bench-large: install-dev
	@exec $(IN_VENV) -m tests.bench.large

# N=10000 for so many tickets, DATABASE_URL=postgres://... for PostgreSQL, KEEP=1 to keep the figures.
chaos: install-dev
	@exec $(IN_VENV) -m tests.chaos

install: python
	@$(PYTHON) tvm_remediation/bootstrap.py requirements.txt

install-dev: python
	@$(PYTHON) tvm_remediation/bootstrap.py requirements-dev.txt

# Only for Configuration Manager on-premises; built here, against the system's Kerberos library.
install-kerberos: python
	@test -x $(IN_VENV) || { echo "First: make install" >&2; exit 1; }
	@$(IN_VENV) -m pip install -q --no-input --disable-pip-version-check --no-deps --require-hashes -r requirements-kerberos.txt

python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed. On Debian: apt-get install python3 python3-venv" >&2; exit 1; }

# The state in var/ stays: it is not ours to delete.
clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
