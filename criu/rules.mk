# The tool: $(O)/criu/criu.

CRIU_PKGS   := libprotobuf-c fmt libnl-3.0
CRIU_LIBS   := $(shell pkg-config --libs $(CRIU_PKGS))
# Of another project: no warnings for them.
CRIU_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(CRIU_PKGS)))
CRIU_SRC    := $(filter-out criu/pie/%,$(wildcard criu/*.cc criu/*/*.cc criu/arch/x86_64/*.cc))
CRIU_OBJ    := $(call objects,$(CRIU_SRC))
CRIU_BIN    := $(O)/criu/criu

$(CRIU_OBJ): | $(IMAGES_H)
$(CRIU_OBJ): CPPFLAGS += $(CRIU_CFLAGS)

$(eval $(call blob,parasite,criu/pie/parasite.cc compel/pie/runtime.cc))
$(eval $(call blob,farewell,criu/pie/farewell.cc compel/pie/runtime.cc))
$(eval $(call blob,restorer,$(addprefix criu/pie/restorer,.cc -memory.cc -thread.cc -files.cc)))

$(CRIU_BIN): $(CRIU_OBJ) $(O)/pie/parasite.o $(O)/pie/farewell.o $(O)/pie/restorer.o $(COMPEL_A) $(IMAGES_A) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,$(CRIU_LIBS))

ALL += $(CRIU_BIN)
