# Everything runs in .venv, which make prepares by itself; nothing is installed into the system.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 3# test files at once: more than two cores, for many of them wait
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
LOCK   := uv pip compile -q --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Python compiles each file once, not once for each of the hundreds of processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo quick test proof check bench quality stack format lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## answer the fixture memos on embedded parts and show each step
	$(BIN)/voicememo demo

quick: check ## what to run before each commit: check, unit tests and contracts, in a minute or two
	$(PYTEST) -m 'not slow and not kafka and not proof' tests/unit tests/contracts $(ARGS)

test: $(VENV)/.dev ## run all tests except `proof` (with Java and Maven also against a real Kafka)
	$(PYTEST) -m 'not proof' $(ARGS)

proof: $(VENV)/.dev ## run the long tests: 8,000 more seeds, all pairs of outages, voices recognised, the image
	$(BIN)/pytest -m proof $(ARGS) # one after the other: outages are judged by deadlines

check: $(VENV)/.dev ## lint, format, imports and types, code and tests alike
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy

bench: $(VENV)/.dev ## measure latency, CPU and throughput beside a critical path and bare ffmpeg
	$(BIN)/python -m tests.benchmarks $(ARGS)

quality: $(VENV)/.dev ## measure how well it understands, and how well it is understood
	$(BIN)/python -m tests.evaluation $(ARGS)

stack: $(VENV)/.dev ## run the stack of docker-compose.yml as processes, kill a worker, stop (needs Java, Maven, PostgreSQL)
	$(BIN)/python -m tests.stack

format: $(VENV)/.dev ## format with ruff
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## resolve the dependencies again (needs uv)
	$(LOCK) pyproject.toml --extra demo --group build -o requirements.lock
	$(LOCK) pyproject.toml --extra demo --extra otel --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) pyproject.toml --extra otel -c requirements.lock -o deploy/image.lock
	$(LOCK) --group image -c requirements.lock -o deploy/image-build.lock

clean: ## remove what make made
	rm -rf $(VENV) .venv-3.13 var build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.run: requirements.lock pyproject.toml
	@echo "preparing $(VENV) (once; about 100 MB from the package registry)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "adding the tools that test and check"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
