# see scripts/make/common.mk for what a room may add

include test/vm/rules.mk
include test/unit/rules.mk
include test/zdtm/rules.mk
include test/demo/rules.mk
include test/files/rules.mk
include test/kill/rules.mk
include test/robust/rules.mk
include test/fuzz/rules.mk
include test/bench/rules.mk
include test/programs/rules.mk
include test/cases/rules.mk
include test/rmfork/rules.mk

.PHONY: check check-unit units asan check-unit-asan check-robust-asan check-zdtm-asan
units: $(CHECK_UNIT)
check-unit: units ## the unit tests alone
	$(Q)for t in $(CHECK_UNIT); do $$t || exit 1; done

# In a directory of its own, as all objects are others. A caller in C may give any number for an enum.
SANITIZE := -fsanitize=address,undefined -fno-sanitize=enum -fno-sanitize-recover=undefined
WITH_ASAN := O='$(O)/asan' EXTRA_CFLAGS='$(SANITIZE)' EXTRA_CXXFLAGS='$(SANITIZE)' EXTRA_LDFLAGS='$(SANITIZE)' SHARED=1
asan: tests ## criu and the unit tests with the sanitizers of addresses and of undefined behaviour
	$(Q)$(MAKE) $(WITH_ASAN) units '$(O)/asan/criu/criu'

check-unit-asan: asan ## the unit tests, so built
	$(Q)$(MAKE) $(WITH_ASAN) check-unit

check-robust-asan: asan ## damaged images for a criu so built
	$(Q)O='$(abspath $(O))' test/robust/robust-test --criu '$(O)/asan/criu/criu' \
	  'restore: other values' 'restore: flipped' 'truncated' 'magic'

check-zdtm-asan: asan ## all zdtm tests, natively, with a criu so built
	$(Q)O='$(abspath $(O))' test/zdtm.py run -a --keep-going --criu '$(O)/asan/criu/criu'

check: all tests $(CHECK_UNIT) ## everything a machine like this can test, the VM included
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare --kernel debug
	$(Q)O='$(abspath $(O))' CHECK_UNIT='$(abspath $(CHECK_UNIT))' test/check.py

.PHONY: check-kernels check-all
check-kernels: all tests ## the rmfork module on other kernels: built for many, run on 6.12 (takes half an hour)
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare --kernel 6.12
	$(Q)O='$(abspath $(O))' test/check.py --kernels

check-all: all tests $(CHECK_UNIT) asan ## both of these, all tests in all modes of rmfork, sanitizers, a fuzzer for images (takes hours)
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare --kernel all
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare --kernel debug
	$(Q)O='$(abspath $(O))' CHECK_UNIT='$(abspath $(CHECK_UNIT))' test/check.py --all

.PHONY: check-features
check-features: all tests $(CHECK_UNIT) ## what rmfork promises, broken bit by bit: a test has to notice (takes long)
	$(Q)O='$(abspath $(O))' CHECK_UNIT='$(CHECK_UNIT)' test/features/features-test $(addprefix --only ,$(ONLY))
