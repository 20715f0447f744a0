# SPDX-License-Identifier: GPL-2.0-only
# Hostile images for the part of criu that reads what files were open. libFuzzer is clang's; what is
# built with it has a folder of its own.

CRIU_FUZZ_DIR  := $(O)/test/fuzz
CRIU_FUZZ_SRCS := $(wildcard criu/base/*.cc criu/image/*.cc criu/files/*.cc criu/net/*.cc)
CRIU_FUZZ_OBJS := $(CRIU_FUZZ_SRCS:%.cc=$(CRIU_FUZZ_DIR)/%.o) $(CRIU_FUZZ_DIR)/test/fuzz/files.o
CRIU_FUZZER    := $(CRIU_FUZZ_DIR)/fuzz-files
DEPS           += $(CRIU_FUZZ_OBJS:.o=.d)

$(CRIU_FUZZ_OBJS): | $(IMAGES_H)
$(CRIU_FUZZ_OBJS): CPPFLAGS += $(CRIU_CFLAGS)
# What decodes an image is C, and leaves in an enum whatever number was there.
$(CRIU_FUZZ_OBJS): FUZZ_FLAGS += -fno-sanitize=enum

$(CRIU_FUZZ_DIR)/%.o: %.cc
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CXX) $(CPPFLAGS) $(CXXFLAGS) $(FUZZ_FLAGS) -MMD -MP -c $< -o $@

$(CRIU_FUZZER): $(CRIU_FUZZ_OBJS) $(IMAGES_A)
	$(call say,LD,$@)
	$(Q)$(FUZZ_CXX) $(LDFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $^ $(CRIU_LIBS)

# An instrumented build takes minutes: what clang would not compile is seen without one.
CRIU_FUZZ_CHECKS := $(CRIU_FUZZ_OBJS:.o=.checked)
$(CRIU_FUZZ_CHECKS): | $(IMAGES_H)
$(CRIU_FUZZ_CHECKS): CPPFLAGS += $(CRIU_CFLAGS)
.PHONY: $(CRIU_FUZZ_CHECKS) check-fuzz-sources
$(CRIU_FUZZ_CHECKS): $(CRIU_FUZZ_DIR)/%.checked: %.cc
	$(call say,CLANG,$<)
	$(Q)$(FUZZ_CXX) $(CPPFLAGS) $(CXXFLAGS) $(FUZZ_FLAGS) -fsyntax-only $<
check-fuzz-sources: ## what the fuzzer for images is made of, compiled by clang for a look
	$(Q)if ! command -v $(FUZZ_CXX) >/dev/null; then \
		echo 'skipped: $(FUZZ_CXX) is not installed (scripts/install-deps fuzz)'; \
		echo '0 passed, 0 failed, 1 skipped'; \
	else \
		$(MAKE) --no-print-directory $(CRIU_FUZZ_CHECKS) && \
		echo '$(words $(CRIU_FUZZ_CHECKS)) passed, 0 failed, 0 skipped'; \
	fi

.PHONY: fuzz-images
fuzz-images: $(O)/criu/criu $(ROBUST_TARGET) ## hostile images of open files, for the restore (SECONDS=60)
	$(Q)O='$(abspath $(O))' test/fuzz/fuzz-files --seconds $(SECONDS)
