# Two commands: `make lab` opens the course, `make test` proves that all of it works.
# Written for GNU make 3.81 (macOS) and newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COLAB := .venv-colab
FIRST_LESSON := $(notdir $(firstword $(sort $(wildcard notebooks/*.ipynb))))
# Given as the default address, not as a file to open, the lesson is also in the address that JupyterLab prints.
AT_FIRST_LESSON := $(if $(FIRST_LESSON),--LabApp.default_url=/lab/tree/$(FIRST_LESSON))
# JupyterLab refuses to run as root unless told to; in a container there is nobody else.
ALLOW_ROOT := $(shell test "$$(id -u)" = 0 && echo --allow-root)

.DEFAULT_GOAL := help
.PHONY: help lab test site colab build clean

help: ## list what can be made
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1	\2/p' Makefile

lab: $(VENV)/.lab ## install what is missing and open the first lesson in JupyterLab
	@echo "Opening JupyterLab. If no browser window appears, open the address it prints below. Stop it with Ctrl-C."
	@cd notebooks && ../$(BIN)/jupyter lab $(ALLOW_ROOT) $(AT_FIRST_LESSON)

# Two workers share the cores already; more threads in each only get into one another's way.
# In the notebooks for students every answer is missing: `check` is to say so, and not to fail. Kernels that start with
# Keras in them save its import in every notebook. There is no network: no lesson may need it.
test: export OPENBLAS_NUM_THREADS = 1
test: $(VENV)/.dev ## install what is missing and run every test
	@echo "1/5 Style of the code"
	@$(BIN)/ruff check .
	@echo "2/5 Every notebook is what its lesson gives"
	@$(BIN)/course build --check
	@echo "3/5 Tests of the library and the tools"
	@$(BIN)/python -m pytest -n 2 tests
	@echo "4/5 Every notebook runs, blank and solved, without a network"
	@$(BIN)/course kernel install >/dev/null
	@COURSE_CHECK=show COURSE_WARM_IDLE=60 $(BIN)/python tests/offline.py $(BIN)/python -m pytest -n 2 --dist loadfile \
	  --nbval-lax --nbval-sanitize-with=tests/nbval.cfg --nbval-kernel-name=course-warm --nbval-cell-timeout=300 notebooks
	@echo "5/5 The library on JAX instead of TensorFlow"
	@KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 @tests/library.txt
	@echo "All tests passed."

site: $(VENV)/.site ## make the course's website in site/
	@$(BIN)/course site

colab: $(COLAB)/.made ## run every notebook on what Colab ships
	@echo "Every notebook on Colab's packages, two at a time"
	@$(COLAB)/bin/python tests/colab.py

build: $(VENV)/.dev ## make the notebooks from the lessons
	@$(BIN)/course build

clean: ## remove the installation and all caches; lessons and notebooks stay
	@echo "Removing $(VENV), $(COLAB) and caches"
	@rm -rf $(VENV) $(COLAB) build site .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -prune -exec rm -rf {} +
	@find . -name .ipynb_checkpoints -prune -exec rm -rf {} +

# The stamps below make the second run quick: nothing is installed again until the requirements change.

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) was not found. Install Python 3.10 or newer, or name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "The course needs Python 3.10 or newer, and this is $$($(PYTHON) --version 2>&1)." \
	    "If there is a newer one, name it: make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python cannot make environments here: its module venv is missing." \
	    "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making an environment for the course in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.lab: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing TensorFlow, JupyterLab and the course into $(VENV); the first time takes minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e '.[lab]'
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing the course and what its tests need into $(VENV); the first time takes minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e '.[dev]'
	@touch $(VENV)/.lab $(VENV)/.site $@

$(VENV)/.site: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing the course and what makes its site into $(VENV); the first time takes minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e '.[site]'
	@touch $@

$(COLAB)/.made: tests/colab.txt
	@echo "Making an environment with Colab's packages in $(COLAB); the first time takes minutes"
	@$(PYTHON) -m venv $(COLAB)
	@$(COLAB)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/colab.txt
	@touch $@
