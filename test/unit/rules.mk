# Unit tests of the tool and of compel, linked with all of the tool but its main().

UNIT_BIN := $(O)/test/unit/criu-unit
UNIT_OBJ := $(call objects,$(sort $(wildcard test/unit/*.cc)))

$(UNIT_OBJ): | $(IMAGES_H)
$(UNIT_OBJ): CXXFLAGS += $(TEST_OPT)

$(UNIT_BIN): $(UNIT_OBJ) $(filter-out $(O)/criu/main.o,$(CRIU_OBJ)) $(O)/pie/parasite.o $(O)/pie/farewell.o \
             $(O)/pie/restorer.o $(COMPEL_A) $(IMAGES_A) $(RMFORK_LIB)
	$(call link-cxx,$@,$^,$(CRIU_LIBS) -lgmock -lgtest -lgtest_main -lpthread)

CHECK_UNIT += $(UNIT_BIN)
