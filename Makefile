# Two commands for a fresh machine: `make dev` and `make test`. Both install what is missing
# (Debian packages with apt, as root or with sudo) and build.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
TOOLS := .tools/python/bin

help: ## Say what there is.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

dev: build ## Install what is missing, build, start a small cluster on examples/hello.
	@exec $(TARGET_DIR)/debug/bascule dev examples/hello

build: machine console ## Build the console and all binaries (debug).
	cargo build --workspace --bins --locked

console: ## Build the console, or say why it is missing.
	@admin-web/build.sh

test: tools build ## Run every test there is.
	tests/servers.sh cargo nextest run --workspace --locked
	python3 -m unittest discover -s python/tests
	$(TOOLS)/python3 -m unittest discover -s python/tests
	admin-web/test.sh

machine: ## Install what building and running need.
	@deploy/machine.sh run

tools: ## Install what the tests need.
	@deploy/machine.sh test

lint: tools ## Check formats and lints of all languages.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --manifest-path dataplane/codec/fuzz/Cargo.toml --locked --target-dir $(TARGET_DIR) -- -D warnings
	$(TOOLS)/ruff check --quiet .
	git ls-files '*.sh' .ci/run | xargs shellcheck --external-sources --source-path=SCRIPTDIR
	admin-web/lint.sh

api-types: ## Make the OpenAPI document and the console's types anew, after a change of the API.
	BASCULE_BLESS=1 cargo nextest run -p cp-api --locked the_kept_
	admin-web/types.sh

bench: ## Measure beside the peers (release build, some 20 minutes).
	bench/run.sh

fuzz: ## Fuzz each parser for a minute (needs cargo-fuzz).
	dataplane/codec/fuzz/run.sh

.PHONY: help dev build console test machine tools lint api-types bench fuzz
