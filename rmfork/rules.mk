# SPDX-License-Identifier: GPL-2.0-only
# The rmfork library and its tests. The kernel module has a Makefile of its own, kernel/Makefile.
#
# Whoever links $(RMFORK_LIB) adds $(RMFORK_LIBS).

CPPFLAGS += -Irmfork/include

RMFORK_LIB  := $(O)/rmfork/librmfork.a
RMFORK_LIBS := -lprotobuf-c

RMFORK_SRCS := $(sort $(wildcard rmfork/src/*.cc))
RMFORK_OBJS := $(call objects,$(RMFORK_SRCS)) $(O)/rmfork/rmfork.pb-c.o

$(O)/rmfork/rmfork.pb-c.c: rmfork/rmfork.proto
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --c_out=$(O) $<

$(O)/rmfork/rmfork.pb-c.h: $(O)/rmfork/rmfork.pb-c.c ;

$(O)/rmfork/rmfork.pb-c.o: $(O)/rmfork/rmfork.pb-c.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(O)/rmfork/src/entry.o: | $(O)/rmfork/rmfork.pb-c.h

$(RMFORK_LIB): $(RMFORK_OBJS)
	$(call archive,$@,$^)

ALL += $(RMFORK_LIB)

# The administrator's tool.
RMFORKCTL      := $(O)/rmfork/tools/rmforkctl
RMFORKCTL_OBJS := $(call objects,$(sort $(wildcard rmfork/tools/*.cc)))

$(RMFORKCTL): $(RMFORKCTL_OBJS) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,$(RMFORK_LIBS))

ALL += $(RMFORKCTL)

# Unit tests, against a kernel in memory.
RMFORK_UNIT := $(O)/rmfork/test/rmfork-unit

RMFORK_UNIT_OBJS := $(call objects,$(sort $(wildcard rmfork/test/*.cc rmfork/test/*.c)))

$(RMFORK_UNIT_OBJS): CXXFLAGS += $(TEST_OPT)

$(RMFORK_UNIT): $(RMFORK_UNIT_OBJS) \
                $(filter-out $(O)/rmfork/tools/main.o,$(RMFORKCTL_OBJS)) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,$(RMFORK_LIBS) -lgmock -lgtest -lgtest_main -lpthread)

CHECK_UNIT += $(RMFORK_UNIT)

# Parts of the kernel module, built as a program against stand-ins for the kernel's headers.
RMFORK_HOST_DIR    := rmfork/test/host-kernel
RMFORK_MODULE_UNIT := $(O)/$(RMFORK_HOST_DIR)/rmfork-module-unit
RMFORK_HOST_PARTS  := reply.c report.c verify.c mm/origin.c \
                      $(addprefix ubmem/,alloc.c layout.c origins.c pool.c reclaim.c super.c use.c) \
                      $(addprefix snapshot/,directory.c header.c index.c snapshot.c sums.c) \
                      $(addprefix share/,adopt.c guest.c load.c open.c pins.c walk.c)
RMFORK_HOST_OBJS   := $(call objects,$(addprefix rmfork/kernel/,$(RMFORK_HOST_PARTS))) \
                      $(call objects,$(wildcard $(RMFORK_HOST_DIR)/*.cc))

$(RMFORK_HOST_OBJS): CPPFLAGS := -I$(RMFORK_HOST_DIR)/include -iquote rmfork/kernel $(CPPFLAGS)
# As in the kernel: what one caller of a function type needs, another may not.
$(RMFORK_HOST_OBJS): CFLAGS += -Wno-unused-parameter
$(RMFORK_HOST_OBJS): CXXFLAGS += $(TEST_OPT)

$(RMFORK_MODULE_UNIT): $(RMFORK_HOST_OBJS)
	$(call link-cxx,$@,$^,-lgtest -lgtest_main -lpthread)

CHECK_UNIT += $(RMFORK_MODULE_UNIT)

# Run as root beside the loaded module; static, so that a bare initramfs will do.
RMFORK_KERNEL_TEST := $(O)/rmfork/test/kernel/rmfork-kernel-test

$(RMFORK_KERNEL_TEST): $(call objects,$(sort $(wildcard rmfork/test/kernel/*.cc))) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,-static $(RMFORK_LIBS))

ALL += $(RMFORK_KERNEL_TEST)

# In the VM, on both kernels and over each transport they have. The tests reload the module, so they
# are given its file.
.PHONY: check-rmfork-kernel
check-rmfork-kernel: $(RMFORK_KERNEL_TEST) ## the rmfork module, in the VM
	$(Q)test/vm/vm.py prepare --kernel all
	$(Q)$(call rmfork-vm,stock,device)
	$(Q)$(call rmfork-vm,rmfork,device)
	$(Q)$(call rmfork-vm,rmfork,syscall)

rmfork-vm = scripts/vm -k $(1) --module-args ubmem_mb=16 \
  --put $(O)/rmfork/kernel-$(1)/rmfork.ko:/tmp/rmfork.ko \
  $(RMFORK_KERNEL_TEST) --transport $(2) --module /tmp/rmfork.ko

include rmfork/test/fuzz/rules.mk
