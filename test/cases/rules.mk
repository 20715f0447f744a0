# Programs that once came back wrong. Those of the kernel module are built here, for the VM: static, and each one file
# beside what they share.

KERNEL_CASE_SHARED := $(call objects,test/cases/kernel/case.c)
KERNEL_CASES := $(basename $(call objects,$(filter-out test/cases/kernel/case.c,$(sort $(wildcard test/cases/kernel/*.c)))))

$(KERNEL_CASES): %: %.o $(KERNEL_CASE_SHARED)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -static -o $@ $^ -lpthread

tests: $(KERNEL_CASES)

.PHONY: check-cases
check-cases: all tests ## programs that once came back wrong, natively and, of the kernel module, in one VM or two
	$(Q)O='$(abspath $(O))' test/check.py --only cases --only vm-cases --only remote
