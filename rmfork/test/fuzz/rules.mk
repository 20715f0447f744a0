# SPDX-License-Identifier: GPL-2.0-only
# Hostile input: for the kernel side in the VM, for the parsers natively. See README.adoc.

# Runs as root beside the loaded module; static, as the other kernel test.
RMFORK_FUZZ := $(O)/rmfork/test/fuzz/rmfork-fuzz

$(RMFORK_FUZZ): $(call objects,$(sort $(wildcard rmfork/test/fuzz/kernel/*.cc))) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,-static $(RMFORK_LIBS))

ALL += $(RMFORK_FUZZ)

MINUTES ?= 10
SECONDS ?= 60

.PHONY: fuzz-kernel
fuzz-kernel: $(RMFORK_FUZZ) ## hostile calls and contents for the module, on the debug kernel (MINUTES=10 SEED=)
	$(Q)test/vm/vm.py prepare --kernel debug
	$(Q)O='$(abspath $(O))' rmfork/test/fuzz/run-kernel --seconds $$(( $(MINUTES) * 60 )) \
	  $(addprefix --seed ,$(SEED))

# libFuzzer is clang's; what is built with it has a folder of its own.
FUZZ_CXX   ?= clang++
FUZZ_DIR   := $(O)/rmfork/test/fuzz/parsers
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
FUZZ_SRCS  := $(filter-out rmfork/src/facade.cc,$(RMFORK_SRCS))
FUZZ_LIB   := $(FUZZ_SRCS:%.cc=$(FUZZ_DIR)/%.o) $(FUZZ_DIR)/rmfork.pb-c.o
FUZZERS    := $(patsubst rmfork/test/fuzz/parsers/%.cc,$(FUZZ_DIR)/fuzz-%,\
                $(wildcard rmfork/test/fuzz/parsers/*.cc))
FUZZ_MAINS := $(FUZZERS:$(FUZZ_DIR)/fuzz-%=$(FUZZ_DIR)/rmfork/test/fuzz/parsers/%.o)
DEPS       += $(FUZZ_LIB:.o=.d) $(FUZZ_MAINS:.o=.d)

$(FUZZ_DIR)/%.o: %.cc | $(O)/rmfork/rmfork.pb-c.h
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) $(CPPFLAGS) $(CXXFLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(FUZZ_DIR)/rmfork.pb-c.o: $(O)/rmfork/rmfork.pb-c.c
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) -x c $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) -c $< -o $@

$(FUZZERS): $(FUZZ_DIR)/fuzz-%: $(FUZZ_DIR)/rmfork/test/fuzz/parsers/%.o $(FUZZ_LIB)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CXX) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(RMFORK_LIBS)

# The unit test of the module's parts that read ubmem, with the sanitizers: damaged pools.
FUZZ_POOL      := $(FUZZ_DIR)/pool-unit
FUZZ_POOL_OBJS := $(patsubst $(O)/%,$(FUZZ_DIR)/%,$(RMFORK_HOST_OBJS))
DEPS           += $(FUZZ_POOL_OBJS:.o=.d)

$(FUZZ_POOL_OBJS): CPPFLAGS := -I$(RMFORK_HOST_DIR)/include -iquote rmfork/kernel $(CPPFLAGS)
$(FUZZ_POOL_OBJS): CFLAGS += -Wno-unused-parameter
$(FUZZ_POOL_OBJS): CXXFLAGS += $(TEST_OPT)

$(FUZZ_DIR)/%.o: %.c
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) -x c $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(FUZZ_POOL): $(FUZZ_POOL_OBJS)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CXX) $(LDFLAGS) -fsanitize=address,undefined -o $@ $^ -lgtest -lgtest_main -lpthread

.PHONY: fuzz-parsers
fuzz-parsers: ## hostile files and kernel answers for rmfork's library (SECONDS=60 each)
	$(Q)O='$(abspath $(O))' rmfork/test/fuzz/run-parsers --seconds $(SECONDS)
