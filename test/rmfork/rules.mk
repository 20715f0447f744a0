# criu with --enable-rmfork, in the VM: on the stock kernel by the device, on the other by syscall 454.

BRIDGE_TARGET := $(O)/test/rmfork/target

$(BRIDGE_TARGET): $(call objects,test/rmfork/target.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

tests: $(BRIDGE_TARGET)

.PHONY: check-bridge
check-bridge: all tests ## criu with --enable-rmfork, in the VM
	$(Q)O='$(abspath $(O))' test/check.py --only vm-bridge
