# criu with --enable-rmfork, in the VM: on the stock kernel by the device, on the other by syscall 454.

RMFORK_TARGETS := $(basename $(call objects,test/rmfork/target.c test/rmfork/family.c))

$(RMFORK_TARGETS): %: %.o
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

tests: $(RMFORK_TARGETS)

.PHONY: check-bridge check-remote
check-bridge: all tests ## criu with --enable-rmfork, in the VM
	$(Q)O='$(abspath $(O))' test/check.py --only vm-bridge

check-remote: all tests ## a process moves from one virtual machine to another
	$(Q)O='$(abspath $(O))' test/rmfork/remote-test

.PHONY: check-ctl
check-ctl: all tests ## rmforkctl, natively and in the VM
	$(Q)O='$(abspath $(O))' test/check.py --only ctl --only vm-ctl
