# Everything runs in .venv, which make prepares by itself; nothing is installed into the system.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 3 # test files at once: more than two cores, for many of them wait
LOCK   := uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes \
          --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test check bench format lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## answer the fixture memos on embedded parts and show each step
	$(BIN)/voicememo demo

test: $(VENV)/.dev ## pass every test (a real Kafka too, where Java and Maven are at hand)
	$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

check: $(VENV)/.dev ## lint, format check and types, code and tests alike
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.dev ## measure stages, start-up and memory beside bare ffmpeg
	$(BIN)/python -m tests.benchmarks $(ARGS)

format: $(VENV)/.dev ## let ruff lay the code out
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## resolve the dependencies anew (needs uv)
	$(LOCK) --extra demo --group build -o requirements.lock
	$(LOCK) --extra demo --group dev -c requirements.lock -o requirements-dev.lock

clean: ## remove what make made
	rm -rf $(VENV) var build .mypy_cache .ruff_cache .pytest_cache .hypothesis

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
