# SPDX-License-Identifier: Apache-2.0
#
#   make run      install what is missing, build, record to ./trail and tell the story until Ctrl-C
#   make test     install what is missing, build, run every suite (CI: under 25 minutes)
#   make test-all every suite on three kernels, without a limit; writes the tables of docs/testing.md, docs/kernels.md
#   make check    layers, format, lint, generated documents
#   make bench    what it costs, as ratios: docs/performance.md
#   make fuzz     each parser for FUZZ_SECONDS (60)
#   make install  DESTDIR= PREFIX=/usr/local
#   make deps     only install what building needs
#   make docs     make docs/events.md and the man pages again
#
# V=1 shows the commands. Building needs no BTF on this machine: vmlinux.h is in the tree.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
CLANG ?= clang
B := build
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) '$(2)';)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)
LIBRARIES := libbpf libzstd libcrypto libsystemd json-c libcap-ng audit libarchive
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter \
	-Werror=implicit -Werror=return-type -Werror=incompatible-pointer-types
CPPFLAGS += -D_GNU_SOURCE -Iuserspace -I. -I$B/gen
CFLAGS ?= -O2 -g
C := $(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS)
LDLIBS = $(shell pkg-config --libs $(LIBRARIES)) -linih -lpthread
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all

SOURCES := $(sort $(wildcard userspace/*.c userspace/*/*.c))
PARTS := $(filter-out userspace/main.c userspace/commands/%,$(SOURCES))
# Who defines maps that others use comes first: bpftool 7.1 loses the place of one that it met as an extern before.
SHARED_MAPS := bpf/emit.bpf.c bpf/namespace.bpf.c
PROBES := $(SHARED_MAPS) $(filter-out $(SHARED_MAPS),$(sort $(wildcard bpf/*.bpf.c)))
UNIT := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c tests/unit/fail_*.c)))
UNIT_SHARED := $(filter-out $(UNIT:%=tests/unit/%.c),$(sort $(wildcard tests/unit/*.c)))
BPF_TESTS := $(patsubst tests/bpf/%.c,%,$(sort $(wildcard tests/bpf/test_*.c)))
BPF_SHARED := $(filter-out $(BPF_TESTS:%=tests/bpf/%.c),$(sort $(wildcard tests/bpf/*.c)))
ACTORS := $(patsubst tests/actors/%.c,%,$(sort $(wildcard tests/actors/*.c)))
BENCHES := $(patsubst tests/bench/%.c,%,$(sort $(wildcard tests/bench/bench_*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
MANUALS := $(patsubst docs/man/%.scd,$B/man/%,$(sort $(wildcard docs/man/*.scd)))

OBJECTS := $(SOURCES:%.c=$B/%.o)
PART_OBJECTS := $(PARTS:%.c=$B/%.o)
# The formats and parsers are also built with sanitizers; what tests/unit includes of commands/ is listed by it.
CHECKED := $(patsubst %.c,$B/asan/%.o,$(filter-out userspace/main.c userspace/capture/bpf%,$(SOURCES)))
CHECKED_PARTS := $(filter-out $B/asan/userspace/commands/record%.o $B/asan/userspace/commands/rules%.o \
	$B/asan/userspace/commands/import.o,$(CHECKED))
# The same without sanitizers, for guests: emulated, they make a test take forty times as long.
PLAIN_PARTS := $(CHECKED_PARTS:$B/asan/%=$B/%)

FUZZED := -std=gnu11 $(CPPFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
# Looked at when a recipe needs it: what tools/deps installs counts.
FUZZABLE = $(if $(shell tests/fuzz/run --can),,fuzzers)
FUZZED_PARTS := $(patsubst %.c,$B/fuzz/%.o,$(filter-out userspace/capture/bpf%,$(PARTS)))

.DEFAULT_GOAL := $B/docktrail
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: run test test-all check bench fuzz install deps docs clean tests plain-tests fuzzers FORCE

$B/docktrail: $(OBJECTS)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

# ---- probes: every group is an object of its own, linked to one skeleton

$B/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) vmlinux.h
	$(Q)mkdir -p $(@D)
	$(call say,CLANG,$<)$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -I. -Wall -Werror -c $< -o $@

$B/gen/probes.skel.h: $(PROBES:%.c=$B/%.o)
	$(Q)mkdir -p $(@D)
	$(call say,SKELETON,$@)bpftool gen object $B/probes.o $^ && bpftool gen skeleton $B/probes.o name probes >$@

$B/gen/base/version.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '#define DOCKTRAIL_VERSION "$(VERSION)"' | cmp -s - $@ || echo '#define DOCKTRAIL_VERSION "$(VERSION)"' >$@

# Files as strings in C: the rules for the kernel's audit, and what an evidence package has to be checked by.
$B/gen/capture/audit_template.inc: rules/audit/docktrail.rules
$B/gen/commands/verifier.inc: tools/verify-trail.py
$B/gen/commands/trail_format.inc: docs/trail-format.md
$B/gen/%.inc:
	$(Q)mkdir -p $(@D)
	$(Q)sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< >$@

GENERATED := $B/gen/probes.skel.h $B/gen/base/version.h $B/gen/capture/audit_template.inc $B/gen/commands/verifier.inc \
	$B/gen/commands/trail_format.inc

$B/%.o: %.c | $(GENERATED)
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)$(C) $(CFLAGS) -MMD -MP -c $< -o $@

$B/asan/%.o: %.c | $(GENERATED)
	$(Q)mkdir -p $(@D)
	$(call say,ASAN,$<)$(C) $(SANITIZE) -MMD -MP -c $< -o $@

# ---- tests

$B/tests/unit/%: $B/asan/tests/unit/%.o $(UNIT_SHARED:%.c=$B/asan/%.o) $(CHECKED_PARTS)
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(SANITIZE) $^ $(LDLIBS) -lcmocka -o $@

$B/plain/tests/unit/%: $B/tests/unit/%.o $(UNIT_SHARED:%.c=$B/%.o) $(PLAIN_PARTS)
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$B/tests/bpf/%: $B/tests/bpf/%.o $(BPF_SHARED:%.c=$B/%.o) $(PART_OBJECTS)
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$B/tests/actors/%: tests/actors/%.c
	$(Q)mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra $(ACTOR_FLAGS) $< -o $@

$B/tests/actors/ask $B/tests/actors/forge $B/tests/actors/unshare $B/tests/actors/visit: ACTOR_FLAGS := -static
# A 32-bit program, which needs neither a 32-bit library nor its headers.
$B/tests/actors/ia32: ACTOR_FLAGS := -m32 -ffreestanding -nostdlib -static -no-pie -fno-pie -fno-stack-protector

# It writes a corpus as a recorder does.
$B/bench/bench_search: $B/userspace/commands/ledger.o
$B/bench/%: $B/tests/bench/%.o $(PART_OBJECTS)
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $^ $(LDLIBS) -o $@

# Objects are shared: what libFuzzer watches is built once.
$B/fuzz/%.o: %.c | $(GENERATED)
	$(Q)mkdir -p $(@D)
	$(call say,FUZZER,$<)$(CLANG) $(FUZZED) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$B/fuzz/%: $B/fuzz/tests/fuzz/%.o $(FUZZED_PARTS)
	$(call say,LINK,$@)$(CLANG) $(FUZZED) -fsanitize=fuzzer $^ $(LDLIBS) -o $@

$B/fuzz/http_told: $B/asan/tests/fuzz/http_told.o $(CHECKED_PARTS)
	$(Q)mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(SANITIZE) $^ $(LDLIBS) -o $@

plain-tests: $(UNIT:%=$B/plain/tests/unit/%)
tests: $B/docktrail $(UNIT:%=$B/tests/unit/%) $(BPF_TESTS:%=$B/tests/bpf/%) $(ACTORS:%=$B/tests/actors/%)
fuzzers: $(FUZZERS:%=$B/fuzz/%) $B/fuzz/http_told

# The dependencies are installed first, and only then does make look at what can be built with them.
run:
	$(Q)tools/deps run
	$(Q)$(MAKE) --no-print-directory $B/docktrail
	$(Q)tools/run

test:
	$(Q)tools/deps test
	$(Q)$(MAKE) --no-print-directory -j2 tests $(FUZZABLE)
	$(Q)tests/run

test-all:
	$(Q)tools/deps test
	$(Q)$(MAKE) --no-print-directory -j2 tests plain-tests $(FUZZABLE)
	$(Q)mkdir -p $B && tests/run --all --table $B/table.md; status=$$?; tools/testing-table $B/table.md; \
		tools/routes-table $$(find build/results -name routes -size +0); tools/attack-table build/results/attacks; exit $$status

check: $B/docktrail
	$(Q)tools/check-layers
	$(Q)tools/check-format
	$(Q)tools/check-lint
	$(Q)$B/docktrail events --markdown | diff -u docs/events.md - || { echo 'docs/events.md is old: run make docs'; exit 1; }

docs: $B/docktrail $(MANUALS)
	$(Q)$B/docktrail events --markdown >docs/events.md

$B/man/%: docs/man/%.scd
	$(Q)mkdir -p $(@D)
	$(call say,MAN,$@)scdoc <$< >$@

bench:
	$(Q)tools/deps bench
	$(Q)$(MAKE) --no-print-directory -j2 $B/docktrail $(BENCHES:%=$B/bench/%)
	$(Q)tests/bench/run
	$(Q)tests/bench/search

fuzz:
	$(Q)tools/deps test
	$(Q)$(MAKE) --no-print-directory -j2 fuzzers
	$(Q)tests/fuzz/run $(FUZZ_SECONDS)

deps:
	$(Q)tools/deps build

# Without scdoc the program is installed all the same.
SCDOC := $(shell command -v scdoc)

install: $B/docktrail $(if $(SCDOC),$(MANUALS))
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/sbin/docktrail)install -D -m 0755 $B/docktrail $(DESTDIR)$(PREFIX)/sbin/docktrail
	$(Q)$(if $(SCDOC),for page in $(MANUALS); do \
		install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/} || exit; done,\
		echo 'scdoc is not installed: the man pages are left out')

clean:
	rm -rf $B

-include $(shell find $B -name "*.d" 2>/dev/null)
