# criu-rmfork: the one entry. `make help` lists the targets.
#
#   O=DIR        where objects and binaries go (default: build)
#   CXX= CC=     compilers; g++ 12 and clang 14 are both kept working
#   V=1          show the commands
#   DEBUG=1      no optimisation, and all that a debugger asks for
#   SHARED=1     criu takes its libraries from the system when it starts, instead of having them in it
#   DESTDIR= PREFIX=   for `make install`
#
# Each room has a `rules.mk`; it only adds to the lists and targets below.

O       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
DEBUG   ?= 0
SHARED  ?= 0
JOBS    ?= $(shell nproc)

ifeq ($(origin CXX),default)
CXX := g++
endif
ifeq ($(origin CC),default)
CC := gcc
endif

# Parallel by default; `make -jN` and MAKEFLAGS of the caller win.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif
MAKEFLAGS += --no-builtin-rules

include scripts/make/common.mk

.DEFAULT_GOAL := all
all:

include images/rules.mk
include compel/rules.mk
include rmfork/rules.mk
include criu/rules.mk
include test/rules.mk
include Documentation/rules.mk

.PHONY: all clean help install check demo bench compile_commands.json

all: $(ALL)

help: ## list the targets
	@grep -hE '^[a-z][a-zA-Z_.-]*:.*##' Makefile */rules.mk */*/rules.mk | sed -E 's/:[^#]*##/\t/' | expand -t 24

install: $(ALL) $(INSTALL_TARGETS) ## install below $(DESTDIR)$(PREFIX)

clean: ## remove $(O)
	$(Q)rm -rf $(O)

compile_commands.json: ## for clangd and clang-tidy
	$(Q)scripts/compile-commands "$(O)" all zdtm-tests $(CHECK_UNIT) > $@.new
	$(Q)mv $@.new $@

-include $(DEPS)
