# make            builds the binary
# make test       all tests; needs nothing but Go
# make race       the tests of what runs in parallel, with the race detector; needs a C compiler
# make interop    the tests against programs that others wrote; skips those that are not installed
# make bench      all benchmarks
# make lint       formatting, vet, and the rules of the house
# make fuzz       every fuzz target for FUZZTIME

SHELL       := bash
.SHELLFLAGS := -o pipefail -c

GO       ?= go
FUZZTIME ?= 1m

.PHONY: build test race interop bench lint fuzz

build:
	$(GO) build -o nacsim .

# Tests against programs of others are for make interop, installed or not.
test:
	$(GO) test -skip '^TestInterop' ./...

race:
	$(GO) test -race -skip '^TestInterop' ./fakeap/... ./fakegraph/... ./internal/eap ./internal/radius ./internal/radsec ./nac/... ./sim/live ./sim/network ./sim/trace
	$(GO) test -race -run '^TestLive' ./sim/play
	$(GO) test -race -run 'Fakegraph|Control' ./sim/cli

interop:
	.ci/interop-tools
	$(GO) test -count=1 -v -run '^TestInterop' ./... | grep -v 'no test files\|no tests to run\|^PASS$$\|^=== \(RUN\|PAUSE\|CONT\) '

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./... | grep -v '^PASS$$\|no test files'

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test ./internal/house

fuzz:
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s $$package || exit 1; \
	  done; \
	done
