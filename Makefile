# `make run` and `make test` do everything from a fresh machine with Rust on; docs/setup.md says what that is.
# What each step does lies in scripts/; nothing is done twice.
MAKEFLAGS += --no-print-directory
PROFILE ?= dev
export PROFILE
.PHONY: help setup run test call lint

help:
	@echo 'make run                     install what is missing, build, start the server with the sample dialog'
	@echo 'make call ARGS="--press 1"   call it, as a telephone would (in another terminal)'
	@echo 'make test                    install what is missing and run all tests; ARGS="name" runs some'
	@echo 'make lint                    format, lints, licences and sources of the dependencies'
	@echo 'make setup                   only install what is missing'

setup:
	@scripts/setup.sh run

run: setup
	@scripts/run.sh

call:
	@scripts/call.sh $(ARGS)

test:
	@scripts/setup.sh test
	@scripts/cargo-tools.sh cargo-nextest
	@scripts/test.sh $(ARGS)

lint:
	@scripts/setup.sh lint
	@scripts/cargo-tools.sh cargo-deny
	@scripts/lint.sh
