# `make run` and `make test` are all a newcomer needs; works with GNU make 3.81 (macOS) and newer.
.DEFAULT_GOAL := help
.PHONY: help setup setup-test run test test-slurm test-faults audit-packages bench lock ship clean
.NOTPARALLEL:

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := -m pip install --quiet --disable-pip-version-check --no-input

# Every pinned package has wheels for Python 3.11 to 3.13. `make PYTHON=/path/to/python run` tries just that one.
find_python = for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 none); do \
	"$$python" -c 'import sys, venv, ensurepip; \
	sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $(if $(PYTHON),99,13)))' 2>/dev/null && break; python=none; done; \
	if [ "$$python" = none ]; then \
	echo "No Python 3.11, 3.12 or 3.13 with its venv module was found (tried: $(or $(PYTHON),python3 python3.13 python3.12 python3.11))." >&2; \
	echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13)" >&2; \
	echo "or name it: make PYTHON=/path/to/python3.12 run" >&2; exit 1; fi

# PyPI's torch for Linux brings gigabytes of CUDA libraries that nothing here uses; PyTorch's own index has a CPU build.
# install_torch takes a Python and a requirement, and leaves the work to the next pip when that index can't be reached.
install_torch = if [ "$$(uname -s)" = Linux ]; then \
	$(1) $(INSTALL) --no-deps --timeout 15 --retries 0 --index-url https://download.pytorch.org/whl/cpu "$(2)" 2>/dev/null \
	|| echo "PyTorch's CPU index can't be reached: torch comes from the default package index instead."; fi

help:
	@echo "make run     set up $(VENV), run the workflow on phantoms, write results/phantom/report.html"
	@echo "make test    set up $(VENV), run linters and all tests"
	@echo "make test-slurm  run the workflow on a Slurm cluster of one node that it starts itself (as root, Debian's packages)"
	@echo "make test-faults  kill runs, fill their disk, race them, damage files, train anew; some hours. FAULTS=10 FUZZ=500 PLANS=20: half of one"
	@echo "make audit-packages  ask the Python advisory database about the pinned packages"
	@echo "make bench   time training, measuring and planning, as ratios; a few minutes without other work"
	@echo "make setup   set up $(VENV) only"
	@echo "make lock    renew the pins in requirements*.txt from pyproject.toml"
	@echo "make ship    put the model that RUN (hc18) trained, its card and its figures into resources/models/"
	@echo "make clean   delete caches of the tests; with RESULTS=yes also results/ and .snakemake/"

setup:
	@$(PY) -c 'import pip' 2>/dev/null || { $(find_python); \
	echo "Creating $(VENV) with $$("$$python" --version)"; "$$python" -m venv --clear $(VENV); }
	@cmp -s requirements.txt $(VENV)/installed.txt || { set -e; \
	echo "Installing the packages of requirements.txt into $(VENV) (some 300 MB, a few minutes; only once)"; \
	rm -f $(VENV)/installed.txt; \
	$(call install_torch,$(PY),$$(grep '^torch==' requirements.txt)); \
	$(PY) $(INSTALL) -r requirements.txt; cp requirements.txt $(VENV)/installed.txt; }

setup-test: setup
	@cat requirements.txt requirements-test.txt | cmp -s - $(VENV)/installed-test.txt || { set -e; \
	echo "Installing the packages of requirements-test.txt into $(VENV)"; \
	rm -f $(VENV)/installed-test.txt; \
	$(PY) $(INSTALL) -r requirements-test.txt; \
	cat requirements.txt requirements-test.txt > $(VENV)/installed-test.txt; }

run: setup
	@echo "Running the workflow on phantoms with all cores (snakemake --cores all)"
	@$(PY) -m snakemake --cores all
	@echo "The report: $(CURDIR)/results/phantom/report.html"

test: setup-test
	@echo "Checking style (ruff, snakefmt, snakemake --lint), then running all tests (pytest)"
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m snakefmt --check Snakefile workflow/rules
	$(PY) -m snakemake --lint
	$(PY) -m pytest -n 2 --dist loadfile
	@echo "Every check passed; pytest's count is the line above."

test-slurm: setup-test
	$(PY) $(INSTALL) -r requirements-slurm.txt
	$(PY) -m pytest tests/slurm

test-faults: setup-test
	FUZZ=$${FUZZ:-5000} PLANS=$${PLANS:-1000} $(PY) -m pytest -s tests/faults tests/unit/test_fuzz.py

# A finding that may stay is named here with --ignore-vuln, and its reason in docs/faults.md.
audit-packages: setup
	@set -e; mkdir -p results; fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	$(PY) -m venv "$$fresh"; "$$fresh/bin/python" $(INSTALL) -r requirements-audit.txt; found=0; \
	"$$fresh/bin/pip-audit" --no-deps --disable-pip --progress-spinner off --format json --output results/pip-audit.json \
	-r requirements-test.txt -r requirements-measure.txt -r requirements-slurm.txt 2>/dev/null || found=$$?; \
	$(PY) .ci/describe_audit.py results/pip-audit.json; exit $$found

bench: setup
	@$(PY) -m snakemake bench --cores all --forcerun bench_training bench_inference bench_workflow
	@cat results/bench/bench.md

lock:
	@set -e; $(find_python); fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
	echo "Resolving the dependencies of pyproject.toml in a fresh environment"; \
	"$$python" -m venv "$$fresh"; new=$$fresh/bin/python; \
	direct='import sys, tomllib; p = tomllib.load(open("pyproject.toml", "rb")); \
	print(*(p["project"]["dependencies"] if sys.argv[1] == "run" else p["dependency-groups"][sys.argv[1]]), sep="\n")'; \
	for group in run measure test; do "$$new" -c "$$direct" $$group > "$$fresh/$$group.txt"; done; \
	pins() { "$$new" -m pip freeze --all | sed 's/+cpu$$//' | grep -Ev '^(pip|triton|nvidia-.*|cuda-.*)=='; }; \
	note='# Written by `make lock` from the direct dependencies in pyproject.toml.'; \
	$(call install_torch,"$$new",$$(grep '^torch' "$$fresh/run.txt")); \
	"$$new" $(INSTALL) -r "$$fresh/run.txt"; \
	pins > "$$fresh/run.pins"; { echo "$$note"; cat "$$fresh/run.pins"; } > "$$fresh/requirements.txt"; \
	"$$new" $(INSTALL) --dry-run --ignore-installed --report "$$fresh/measure.json" -r "$$fresh/measure.txt" \
	-c "$$fresh/requirements.txt"; \
	chosen='import json, sys; parts = [part["metadata"] for part in json.load(open(sys.argv[1]))["install"]]; \
	print(*sorted(("%s==%s" % (part["name"], part["version"]) for part in parts), key=str.lower), sep="\n")'; \
	{ echo "$$note"; "$$new" -c "$$chosen" "$$fresh/measure.json"; } > "$$fresh/requirements-measure.txt"; \
	"$$new" $(INSTALL) -r "$$fresh/requirements.txt" -r "$$fresh/test.txt"; \
	{ echo "$$note"; echo "-r requirements.txt"; pins | grep -Fvxf "$$fresh/run.pins"; } > "$$fresh/requirements-test.txt"; \
	cp "$$fresh/requirements.txt" "$$fresh/requirements-measure.txt" "$$fresh/requirements-test.txt" .; \
	echo "Wrote requirements.txt, requirements-measure.txt and requirements-test.txt; put the same versions into envs/ (make test says which)"

RUN := hc18
ship:
	mkdir -p resources/models
	cp results/$(RUN)/heatmap/model.onnx resources/models/$(RUN).onnx
	cp results/$(RUN)/heatmap/model_card.md resources/models/$(RUN).md
	cp results/$(RUN)/heatmap/metrics.json resources/models/$(RUN).json

clean:
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find workflow tests -name __pycache__ -type d -prune -exec rm -rf {} +
ifeq ($(RESULTS),yes)
	rm -rf results .snakemake
else
	@echo "results/ and .snakemake/ are kept; make clean RESULTS=yes deletes them too"
endif
