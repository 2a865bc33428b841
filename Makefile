# `make run` and `make test-fast` are all a newcomer needs. Works with GNU make 3.81 (macOS) and newer.
.DEFAULT_GOAL := help
.PHONY: help setup setup-test run measure bench clean style test-fast test test-long test-faults test-slurm audit-packages \
	settings picture bench-docs lock ship
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
	@echo "use                                                                            minutes on two cores"
	@echo "  make run             set up, run on phantoms, write results/phantom/report.html                10"
	@echo "  make measure IMAGES=FOLDER PIXEL_SIZE=0.12     lengths of your images, in results/images       some"
	@echo "  make setup           set up $(VENV) only                                                        5, once"
	@echo "  make bench           time training, measuring and planning; nothing else may run               20"
	@echo "  make clean           delete caches of the tests; with RESULTS=yes also results/, .snakemake/    0"
	@echo "develop"
	@echo "  make test-fast       style, and unit tests that train nothing                                   1.5"
	@echo "  make test            style, and all tests but the long ones: what CI runs                      20"
	@echo "  make test-long       the long tests, test-faults and test-slurm                               300"
	@echo "  make test-faults     kill runs, fill their disk, race them, damage files                      200"
	@echo "                       FAULTS=10 FUZZ=500 PLANS=20 make test-faults                              30"
	@echo "  make test-slurm      run on a Slurm cluster that it starts (as root, Debian's packages)        10"
	@echo "  make audit-packages  look up the pinned packages in the Python advisory database                1"
	@echo "  make settings        write config/README.md, config/schema.json, docs/outputs.md from the code 0"
	@echo "  make picture         draw docs/head.png; put a screenshot of the phantom report into docs/      0"
	@echo "  make bench-docs      put the table of make bench into docs/scale.md                             0"
	@echo "  make lock            renew the pins in requirements*.txt from pyproject.toml                    5"
	@echo "  make ship            copy the model of RUN=hc18, its card and figures to resources/models/      0"

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

# The shell takes each value as it is, with blanks; RUN is another run's name.
measure: setup
	@test -n "$$IMAGES" || { echo "measure what? make measure IMAGES=FOLDER PIXEL_SIZE=0.12" >&2; exit 1; }
	@$(PY) -m snakemake measure --cores all --config "images=$$IMAGES" $${PIXEL_SIZE:+"pixel_sizes=$$PIXEL_SIZE"} \
	$(if $(findstring command,$(origin RUN)),"run=$$RUN")

style: setup-test
	@echo "Checking style (ruff, snakefmt, snakemake --lint)"
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m snakefmt --check Snakefile workflow
	$(PY) -m snakemake --lint

test-fast: style
	$(PY) -m pytest -n 2 -m "not slow and not long" tests/unit workflow/scripts/fetal_biometry

test: style
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long"
	@echo "Every check passed; pytest's count is the line above."

test-long: setup-test
	$(PY) -m pytest -n 2 --dist loadfile -m long
	@$(MAKE) test-faults test-slurm

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
	@$(PY) -m snakemake bench --cores all --forcerun time_work
	@cat results/bench/bench.md

bench-docs:
	sed '/^<!-- make bench -->$$/q' docs/scale.md > results/bench/scale.md
	cat results/bench/bench.md >> results/bench/scale.md
	mv results/bench/scale.md docs/scale.md

settings: setup
	PYTHONPATH=workflow/scripts $(PY) -m fetal_biometry.settings_docs .

picture: setup-test
	PYTHONPATH=workflow/scripts $(PY) docs/draw_head.py
	$(PY) docs/photograph_report.py results/phantom/report.html

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
	cp results/$(RUN)/model.onnx resources/models/$(RUN).onnx
	cp results/$(RUN)/model_card.md resources/models/$(RUN).md
	cp results/$(RUN)/metrics.json resources/models/$(RUN).json

clean:
	rm -rf .pytest_cache .ruff_cache .hypothesis
	find workflow tests -name __pycache__ -type d -prune -exec rm -rf {} +
ifeq ($(RESULTS),yes)
	rm -rf results .snakemake
else
	@echo "results/ and .snakemake/ are kept; make clean RESULTS=yes deletes them too"
endif
