# The two main commands are `make book` and `make test`. Both set up .venv first.
#
#   make read                          the recorded book, in seconds: nothing is trained or executed
#   make book                          the default study, live, then the HTML
#   make book CONFIG="studies=NAME"    another study of studies/, or any parameter: CONFIG="epochs=10 study=quick"
#   make book TORCH=cpu                CPU-only torch: 1 GB to download and install instead of 6
#   make pdf                           the built book as one PDF, by Debian's chromium
#   make lab                           JupyterLab, with chapters as notebooks and a start page
#   make lab LAB="--no-browser --port 8899"      with options for JupyterLab
#   make test FAST=1                   under a minute: no training, no browser, no build
#   make test | bench | drill | lint | clean

PYTHON ?= python3
TORCH ?= default
CONFIG ?=
LAB ?=
FAST ?=
COMMA := ,
GPUS := $(if $(CUDA_VISIBLE_DEVICES),$(words $(subst $(COMMA), ,$(CUDA_VISIBLE_DEVICES))),$(shell nvidia-smi -L 2>/dev/null | wc -l))
BIN := $(CURDIR)/.venv/bin
UV := PYTHONPATH="$(CURDIR)/.uv" $(PYTHON) -m uv
# Not told where, uv would install into the Python that runs it.
INSTALL := $(UV) pip install --python .venv
READY := .venv/.ready-$(TORCH)
READY_LAB := .venv/.lab
COMPILE := pip compile --universal --python-version 3.11 --upgrade --no-emit-index-url --no-header --no-annotate
# Where Ctrl-C has stopped a build, which says so, make says nothing more, and is stopped itself.
STOPPED := { code=$$?; [ $$code = 130 ] && kill -INT $$PPID && exit 0; exit $$code; }
# Chapters and rules call python, papermill and jupyter-book by name.
export PATH := $(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE :=

.PHONY: read book pdf lab test bench drill lint lock clean setup

read: $(READY)
	@trap : INT; python -m report.build read || $(STOPPED)
	@echo "The recorded book is at file://$(CURDIR)/_build/read/index.html"

pdf: $(READY)
	@python -m report.pdf

# If there is no book yet, the recorded one is built first, to be read meanwhile.
book: $(READY)
	@trap : INT; python -m report.build $(if $(wildcard _build/html/index.html),,read) book \
	    $(if $(filter-out 0,$(GPUS)),--resources gpu_quarters=$$((4 * $(GPUS)))) $(if $(CONFIG),--config $(CONFIG)) \
	    || $(STOPPED)
	@echo "The book is at file://$(CURDIR)/_build/html/index.html"

# Its settings and its only kernel, that of .venv, are in profiles/lab and take precedence over the user's.
lab: $(READY_LAB)
	JUPYTER_PATH="$(CURDIR)/profiles/lab" JUPYTER_CONFIG_PATH="$(CURDIR)/profiles/lab" jupyter lab $(LAB)

test: $(READY)
	python -m pytest --numprocesses auto --maxprocesses 4 $(if $(FAST),--fast --dist worksteal,--dist loadfile --no-loadscope-reorder)

bench: $(READY)
	python -m benchmarks

# Provokes failures that happen on users' machines, and prints a table of the outcomes.
drill: $(READY)
	python -m drills --long

lint: $(READY)
	ruff check . && ruff format --check . && codespell && mypy

setup: $(READY)

# uv installs from the lock in seconds. pip installs uv into a separate folder, so that neither python3-venv nor a
# writable system Python is needed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	@$(UV) --version >/dev/null 2>&1 || $(PYTHON) -m pip install --quiet --target .uv uv
	@$(UV) venv --quiet --allow-existing .venv
ifeq ($(TORCH),cpu)
	@grep -v -E '^(nvidia-|cuda-|triton)' requirements.lock > .venv/requirements-cpu.lock
	$(INSTALL) --compile-bytecode --torch-backend cpu -r .venv/requirements-cpu.lock
else
	$(INSTALL) --compile-bytecode -r requirements.lock
endif
	$(INSTALL) --quiet --no-deps -e .
	@rm -f .venv/.ready-*
	@touch $@

# Packages for `make lab` only, consistent with the main lock.
$(READY_LAB): requirements-lab.lock $(READY)
	$(INSTALL) --compile-bytecode -r requirements-lab.lock
	@touch $@

lock:
	$(UV) $(COMPILE) pyproject.toml --group test -o requirements.lock
	$(UV) $(COMPILE) --group lab --constraint requirements.lock -o requirements-lab.lock

clean:
	rm -rf _build build book/runs/.cache
