# SPDX-License-Identifier: GPL-2.0-only
# What a newcomer runs first.

.PHONY: check-demo-selftest

demo: ## install, build, and see a program dumped and restored in a VM
	$(Q)O='$(O)' scripts/demo

check-demo-selftest: $(O)/criu/criu ## does the demo see what goes wrong
	$(Q)O='$(O)' python3 -B test/demo/selftest
