# The commands of a day's work. Each installs what it needs first (script/bootstrap) and builds
# below build/; CMakePresets.json has the builds themselves.
.DEFAULT_GOAL := build
.PHONY: run build check test nightly bench fuzz lint format install clean \
	bootstrap-run bootstrap-test bootstrap-nightly

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 300
PREFIX ?= /usr/local

bootstrap-run bootstrap-test bootstrap-nightly: bootstrap-%:
	@script/bootstrap $*

build: bootstrap-run
	@ESPAT_PARTS=program script/build release -j $(JOBS) --target espat espat-docs

# The prompt of a module whose station has joined: AT+CIPSTART works at once.
# Builds nothing else.
run: bootstrap-run
	@ESPAT_PARTS=program script/build release -j $(JOBS) --target espat
	@build/release/espat --join espat

# Three tiers: under two minutes from a built tree; what must hold before a change lands; what
# takes long.
check: bootstrap-test
	@JOBS=$(JOBS) script/test check

test: bootstrap-test
	@JOBS=$(JOBS) script/test test

nightly: bootstrap-nightly
	@JOBS=$(JOBS) script/test nightly

bench: bootstrap-test
	@ESPAT_PARTS=all script/build release -j $(JOBS)
	@bench/run build/release

# Explores; what it finds becomes a test, see fuzz/README.md.
fuzz: bootstrap-test
	@script/build fuzz -j $(JOBS)
	@script/fuzz $(FUZZ_SECONDS)

lint: bootstrap-test
	@script/build asan -j $(JOBS)
	@script/lint --text
	@script/lint --code

format: bootstrap-test
	@script/sources | xargs clang-format -i

install: bootstrap-run
	@ESPAT_PARTS=program script/build release -j $(JOBS) --target installed
	@cmake --install build/release --prefix $(PREFIX) --strip

clean:
	@rm -rf build
