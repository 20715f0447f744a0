# Damaged images, full disks, wrong targets: criu must refuse them in a sentence and leave nothing.

ROBUST_TARGET := $(O)/test/robust/target

$(ROBUST_TARGET): $(call objects,test/robust/target.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

tests: $(ROBUST_TARGET)

.PHONY: check-robust
check-robust: $(ROBUST_TARGET) $(O)/criu/criu ## damaged images, full disks, wrong targets
	$(Q)O='$(abspath $(O))' test/robust/robust-test
