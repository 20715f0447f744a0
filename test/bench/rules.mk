# Dump and restore next to their peers.

BENCH_TARGET := $(O)/test/bench/target

$(BENCH_TARGET): $(call objects,test/bench/target.c)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpthread

tests: $(BENCH_TARGET)

.PHONY: bench bench-plot
bench: all tests ## measure dump and restore, natively and in the VM next to Debian's criu
	$(Q)O='$(abspath $(O))' test/bench/bench.py all

bench-plot: ## the documentation's picture and tables, from what `make bench` has found
	$(Q)test/bench/plot '$(O)/bench.json'
