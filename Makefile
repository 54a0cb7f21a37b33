# Two commands for a fresh machine: `make dev` and `make test`. Both install what is missing
# (Debian packages with apt when run as root, else they say what to install) and build.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
TEST_PYTHON := .tools/python/bin/python3

help: ## Say what there is.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

dev: build ## Install what is missing, build, start a small cluster on examples/hello.
	@exec $(TARGET_DIR)/debug/bascule dev examples/hello

build: machine console ## Build the console and all binaries (debug).
	cargo build --workspace --bins --locked

console: ## Build the console, or say why it is missing.
	@admin-web/build.sh

test: tools build ## Run every test there is.
	cargo nextest run --workspace --locked
	python3 -m unittest discover -s python/tests
	$(TEST_PYTHON) -m unittest discover -s python/tests
	admin-web/test.sh

machine: ## Install what building and running need.
	@deploy/machine.sh run

tools: ## Install what the tests need.
	@deploy/machine.sh test

lint: ## Check formats and lints of all languages.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	admin-web/lint.sh

bench: ## Measure beside the peers (release build, some 20 minutes).
	bench/run.sh

fuzz: ## Fuzz each parser for a minute (needs cargo-fuzz).
	dataplane/codec/fuzz/run.sh

.PHONY: help dev build console test machine tools lint bench fuzz
