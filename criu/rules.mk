# The tool: $(O)/criu/criu.

CRIU_PKGS   := libprotobuf-c libnl-3.0
CRIU_LIBS   := $(shell pkg-config --libs $(CRIU_PKGS)) -lnet
# Of another project: no warnings for them. fmt is compiled in, by criu/base/fmt.cc.
CRIU_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(CRIU_PKGS) fmt))
CRIU_SRC    := $(filter-out criu/pie/%,$(wildcard criu/*.cc criu/*/*.cc criu/arch/x86_64/*.cc))
CRIU_OBJ    := $(call objects,$(CRIU_SRC))
CRIU_BIN    := $(O)/criu/criu

# Only libc is shared, and libnftables, which is loaded where it is needed: to find and bind shared libraries
# took a quarter of the time of a small dump. Linked again when SHARED is another than before.
CRIU_LINKED := $(O)/criu/shared-$(SHARED)
ifeq ($(SHARED),1)
CRIU_LINK := $(CRIU_LIBS)
else
CRIU_LINK := -Wl,-Bstatic $(CRIU_LIBS) -Wl,-Bdynamic -static-libstdc++ -static-libgcc \
             -Wl,--gc-sections -Wl,-z,now -Wl,-z,pack-relative-relocs
endif

$(CRIU_OBJ): | $(IMAGES_H)
$(CRIU_OBJ): CPPFLAGS += $(CRIU_CFLAGS)

$(eval $(call blob,parasite,criu/pie/parasite.cc compel/pie/runtime.cc))
$(eval $(call blob,farewell,criu/pie/farewell.cc compel/pie/runtime.cc))
$(eval $(call blob,restorer,$(addprefix criu/pie/restorer,.cc -memory.cc -pages.cc -thread.cc -files.cc)))

$(CRIU_LINKED):
	$(Q)mkdir -p $(@D) && rm -f $(@D)/shared-* && touch $@

$(CRIU_BIN): $(CRIU_OBJ) $(O)/pie/parasite.o $(O)/pie/farewell.o $(O)/pie/restorer.o $(COMPEL_A) $(IMAGES_A) $(RMFORK_LIB) \
             $(CRIU_LINKED)
	$(call link-cxx,$@,$(filter-out $(CRIU_LINKED),$^),$(CRIU_LINK))

ALL += $(CRIU_BIN)
