# compel: seizing tasks, remote calls, blobs. It knows nothing of criu.

COMPEL_SRC  := $(wildcard compel/*.cc)
COMPEL_OBJ  := $(call objects,$(COMPEL_SRC))
COMPEL_A    := $(O)/compel/libcompel.a

$(COMPEL_A): $(COMPEL_OBJ)
	$(call archive,$@,$^)

# Freestanding code: no libc, no relocations, no vector registers (they stay the task's own).
PIE_FLAGS := -std=c++20 -g -Os $(WARN) -ffreestanding -fPIE -mgeneral-regs-only \
             -fno-stack-protector -fno-exceptions -fno-rtti -fno-threadsafe-statics \
             -fno-asynchronous-unwind-tables -fcf-protection=none -fno-jump-tables \
             -fvisibility=hidden -fno-builtin-memcpy

$(O)/pie/%.o: %.cc
	$(call say,PIE,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(PIE_FLAGS) -MMD -MP -c $< -o $@

# $(call blob,NAME,SOURCES): $(O)/pie/NAME.o, an object with the symbols NAME_blob and NAME_blob_end.
define blob
$(eval DEPS += $(patsubst %.cc,$(O)/pie/%.d,$(2)))
$(O)/pie/$(1).elf: $(patsubst %.cc,$(O)/pie/%.o,$(2)) compel/pie/blob.lds
	$$(call say,BLOB,$$@)
	$$(Q)ld -nostdlib -z noexecstack --no-warn-rwx-segments -T compel/pie/blob.lds -o $$@ $$(filter %.o,$$^)
$(O)/pie/$(1).bin: $(O)/pie/$(1).elf
	$$(Q)objcopy -O binary -j .blob $$< $$@
$(O)/pie/$(1).o: $(O)/pie/$(1).bin
	$$(Q)printf '.section .rodata\n.balign 64\n.globl %s_blob, %s_blob_end\n%s_blob:\n.incbin "%s"\n%s_blob_end:\n.section .note.GNU-stack,"",@progbits\n' \
	  $(1) $(1) $(1) $$< $(1) | $$(CC) -c -x assembler - -o $$@
endef
