# see scripts/make/common.mk for what a room may add

include test/vm/rules.mk
include test/unit/rules.mk
include test/zdtm/rules.mk
include test/demo/rules.mk
include test/kill/rules.mk
include test/robust/rules.mk
include test/bench/rules.mk
include test/rmfork/rules.mk

.PHONY: check check-unit
check-unit: $(CHECK_UNIT) ## the unit tests alone
	$(Q)for t in $(CHECK_UNIT); do $$t || exit 1; done

check: all tests $(CHECK_UNIT) ## everything a machine like this can test, the VM included
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare
	$(Q)O='$(abspath $(O))' CHECK_UNIT='$(abspath $(CHECK_UNIT))' test/check.py
