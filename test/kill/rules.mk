# The dumper is killed at random instants; its target must not mind.

KILL_VICTIM := $(O)/test/kill/victim

$(KILL_VICTIM): $(call objects,test/kill/victim.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

tests: $(KILL_VICTIM)

.PHONY: check-kill
check-kill: $(KILL_VICTIM) $(O)/criu/criu ## kill the dumper at random instants
	$(Q)O='$(abspath $(O))' test/kill/kill-test
