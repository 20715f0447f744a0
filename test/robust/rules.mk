# Damaged images, full disks, wrong targets: criu must refuse them in a sentence and leave nothing.

ROBUST_TARGET := $(O)/test/robust/target

$(ROBUST_TARGET): $(call objects,test/robust/target.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

ROBUST_CHURN := $(O)/test/robust/churn

$(ROBUST_CHURN): $(call objects,test/robust/churn.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

tests: $(ROBUST_TARGET) $(ROBUST_CHURN)

.PHONY: check-robust
check-robust: $(ROBUST_TARGET) $(ROBUST_CHURN) $(O)/criu/criu ## damaged images, full disks, wrong targets
	$(Q)O='$(abspath $(O))' test/robust/robust-test
