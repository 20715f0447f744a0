# The test VM. Its kernels and its root file system are cached outside of the tree.

.PHONY: vm-prepare check-vm-selftest

vm-prepare: ## make the guest kernels, rmfork.ko for each, and the guest's root file system
	$(Q)O='$(abspath $(O))' test/vm/vm.py prepare

check-vm-selftest: ## does the test VM do what it should
	$(Q)O='$(abspath $(O))' test/vm/selftest
