# The commands of a day's work. Each installs what it needs first (script/bootstrap) and builds
# below build/; CMakePresets.json has the builds themselves.
.DEFAULT_GOAL := build
.PHONY: run test build bench fuzz lint format install clean bootstrap

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 300
PREFIX ?= /usr/local

bootstrap:
	@script/bootstrap

build: bootstrap
	@script/build release -j $(JOBS)

# The prompt of a module whose station has joined: AT+CIPSTART works at once.
run: build
	@build/release/espat --join espat

test: bootstrap
	@JOBS=$(JOBS) script/test

bench: build
	@bench/run build/release

fuzz: bootstrap
	@script/build fuzz -j $(JOBS)
	@script/fuzz $(FUZZ_SECONDS)

lint: bootstrap
	@script/build asan -j $(JOBS)
	@script/lint --text
	@script/lint --code

format: bootstrap
	@script/sources | xargs clang-format -i

install: build
	@cmake --install build/release --prefix $(PREFIX) --strip

clean:
	@rm -rf build
