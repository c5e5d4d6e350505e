# Two commands serve a newcomer: 'make demo' and 'make test'. Nothing asks a question.
.PHONY: help setup setup-extensions setup-spark setup-tests build image demo run test test-fast test-spark chaos soak mutants bench lint format clean

FILE ?= config/pipeline_config.yaml
# The Swift runtime goes into the program: one file to copy, and calls into it go straight.
# A tree of its own, because two builds of one tree wait for each other.
RELEASE := swift build -c release --static-swift-stdlib --scratch-path .build/product
BUILD := $(RELEASE) --product caudal && ln -sfn product/release .build/release
CAUDAL := .build/release/caudal

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: ncurses and SQLite headers, tmux, curl, duckdb
	@./scripts/setup.sh

setup-extensions: ## Install what connections to databases need: DuckDB's extensions
	@./scripts/setup.sh extensions

setup-spark: ## Install what stages on Spark need: PySpark, half a gigabyte
	@./scripts/setup.sh spark

setup-tests:
	@./scripts/setup.sh tests

build: setup ## Build the program: .build/release/caudal
	@$(BUILD)

IMAGE ?= localhost/caudal:latest

image: build ## An image with the program, by podman, buildah or docker: make image IMAGE=caudal:1
	@scripts/image.sh $(IMAGE)

demo: build ## The sales pipeline on a million rows, live in the dashboard
	@$(CAUDAL) run config/demo.yaml

run: build ## Run a pipeline: make run FILE=config/pipeline_config.yaml
	@$(CAUDAL) run $(FILE)

# Each test of the built program starts several processes: a few tests at a time keep two cores busy.
TEST := swift test --skip-build --experimental-maximum-parallelization-width 8

test: setup-tests ## Every test, and the release build
	@($(BUILD)) & release=$$!; swift build --build-tests; tests=$$?; wait $$release && exit $$tests
	@CAUDAL_PROGRAM=$(CAUDAL) scripts/failures-last .build/tests.log $(TEST)
	@scripts/image.sh strip

test-fast: setup ## The tests that need neither the program nor DuckDB, in less than a minute once they are built
	@swift build --build-tests
	@$(TEST) --filter '^(EngineTests|AppTests)\.' --skip "$$(scripts/tests-by-tag duckDB property)"

test-spark: setup-spark ## The same pipelines on DuckDB and on Spark, and a cluster that loses workers: some minutes
	@swift build --build-tests
	@CAUDAL_PROGRAM=.build/debug/caudal swift test --skip-build \
		--experimental-maximum-parallelization-width 1 --filter Spark

KILLS ?= 200

chaos: setup ## Kill real runs at random moments and resume them: make chaos KILLS=200
	@swift build --build-tests
	@$(BUILD)
	@CAUDAL_PROGRAM=$(CAUDAL) CAUDAL_CHAOS=$(KILLS) swift test --skip-build --filter ChaosTests

SEED ?= 1

soak: setup ## Simulate runs until stopped: make soak SEED=1
	@swift build --build-tests
	@CAUDAL_SOAK=$(SEED) swift test --skip-build --filter 'RunSimulationTests/soak'

NAMES ?=

mutants: setup-tests ## Plant small faults one by one and name those that no test notices: make mutants NAMES=claims
	@scripts/mutants.py $(NAMES)

bench: build ## What a stage costs, beside ninja, make and a bare spawn loop
	@$(RELEASE) --product engine-benchmark
	@.build/release/engine-benchmark 100
	@.build/release/engine-benchmark 10000
	@Benchmarks/spawning/compare.py

lint: ## The format of the sources, the order of folders, the texts that mutants stand for
	@swift format lint --strict --recursive --parallel Sources Tests Benchmarks Package.swift
	@scripts/check-layers
	@scripts/check-docs
	@scripts/mutants.py --check

format: ## Bring the sources into their format
	@swift format --in-place --recursive --parallel Sources Tests Benchmarks Package.swift

clean: ## Remove what building made; runs and outputs stay
	@rm -rf .build
