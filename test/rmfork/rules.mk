# criu with --enable-rmfork, in the VM: on the stock kernel by the device, on the other by syscall 454.

RMFORK_TARGETS := $(basename $(call objects,test/rmfork/target.c test/rmfork/family.c test/rmfork/vast.c))

RMFORK_ANSWERS := $(call objects,test/rmfork/answers.c)

$(RMFORK_TARGETS): %: %.o $(RMFORK_ANSWERS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

RMFORK_FAULT := $(O)/test/rmfork/fault.so

$(RMFORK_FAULT): test/rmfork/fault.c rmfork/include/rmfork/uapi.h
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -Irmfork/include -fPIC -shared $(LDFLAGS) -o $@ $<

tests: $(RMFORK_TARGETS) $(RMFORK_FAULT)

.PHONY: check-bridge check-faults check-remote
check-bridge: all tests ## criu with --enable-rmfork, in the VM
	$(Q)O='$(abspath $(O))' test/check.py --only vm-bridge

check-faults: all tests ## what goes wrong during rmfork dumps and restores, a reset of the machine too
	$(Q)O='$(abspath $(O))' test/check.py --only vm-faults --only reset

check-remote: all tests ## a process moves from one virtual machine to another
	$(Q)O='$(abspath $(O))' test/rmfork/remote-test

.PHONY: check-ctl
check-ctl: all tests ## rmforkctl, natively and in the VM
	$(Q)O='$(abspath $(O))' test/check.py --only ctl --only vm-ctl
