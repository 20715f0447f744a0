# The zdtm tests: each static/NAME.c is one program, linked with the small library in lib/.

ZDTM_LIB      := $(O)/test/zdtm/libzdtm.a
ZDTM_LIB_SRC  := $(wildcard test/zdtm/lib/*.c)
ZDTM_SRC      := $(wildcard test/zdtm/static/*.c)
ZDTM_TESTS    := $(ZDTM_SRC:test/zdtm/static/%.c=$(O)/test/zdtm/static/%)

$(call objects,$(ZDTM_SRC)): CPPFLAGS += -Itest/zdtm/lib

$(ZDTM_LIB): $(call objects,$(ZDTM_LIB_SRC))
	$(call archive,$@,$^)

$(ZDTM_TESTS): $(O)/test/zdtm/static/%: $(O)/test/zdtm/static/%.o $(ZDTM_LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread -lrt

# Kept, so that a second make does not compile them again.
.SECONDARY: $(ZDTM_SRC:test/zdtm/static/%.c=$(O)/test/zdtm/static/%.o)

.PHONY: tests zdtm-tests
zdtm-tests: $(ZDTM_TESTS)
tests: zdtm-tests ## build the test programs

.PHONY: check-zdtm check-zdtm-selftest
check-zdtm: zdtm-tests $(O)/criu/criu ## dump and restore every test program
	$(Q)O=$(O) test/zdtm.py run -a --keep-going --crit test/interop/crit-decode

check-zdtm-selftest: ## does zdtm.py see what goes wrong
	$(Q)python3 test/zdtm/selftest.py
