# `make run` and `make test` do everything from a fresh machine with Rust on; docs/setup.md says what that is.
# What each step does lies in scripts/; nothing is done twice.
MAKEFLAGS += --no-print-directory
PROFILE ?= dev
export PROFILE
.PHONY: help setup run test call shop town-hall lint

help:
	@echo 'make run                     install what is missing, build, start the server with the sample dialogs'
	@echo 'make call ARGS="--press 1"   call it, as a telephone would (in another terminal)'
	@echo 'make town-hall               the town hall that the municipality looks things up at (in another terminal)'
	@echo 'make shop                    the web shop that its lookups ask (in another terminal); callers are helped without it'
	@echo 'make test                    install what is missing and run all tests; ARGS="name" runs some'
	@echo 'make lint                    format, lints, licences and sources of the dependencies'
	@echo 'make setup                   only install what is missing'

setup:
	@scripts/setup.sh run

run: setup
	@scripts/run.sh

call:
	@scripts/call.sh $(ARGS)

shop:
	@scripts/shop.sh $(ARGS)

town-hall:
	@scripts/town-hall.sh $(ARGS)

test:
	@scripts/setup.sh test
	@scripts/cargo-tools.sh cargo-nextest
	@scripts/test.sh $(ARGS)

lint:
	@scripts/setup.sh lint
	@scripts/cargo-tools.sh cargo-deny
	@scripts/lint.sh
