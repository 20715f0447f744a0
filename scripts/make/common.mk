# How things are compiled. Rooms add to ALL, INSTALL_TARGETS, CHECK_UNIT and DEPS.

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-8s%s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
endif

WARN     := -Wall -Wextra -Werror
OPT      := $(if $(filter 1,$(DEBUG)),-O0,-O2)
# Functions and lines, for backtraces; variables and types take a third of the time to compile.
GDB      := $(if $(filter 1,$(DEBUG)),-g,-g1)
# What only tests something else: as quick to run, and compiled in half the time.
TEST_OPT := $(if $(filter 1,$(DEBUG)),-O0,-O1)
CPPFLAGS := -I. -I$(O) -D_GNU_SOURCE $(EXTRA_CPPFLAGS)
CFLAGS   := -std=gnu11 $(GDB) $(OPT) $(WARN) $(EXTRA_CFLAGS)
CXXFLAGS := -std=c++20 $(GDB) $(OPT) $(WARN) -Wno-missing-field-initializers $(EXTRA_CXXFLAGS)
LDFLAGS  := $(EXTRA_LDFLAGS)

ALL             :=
INSTALL_TARGETS :=
DEPS            :=
# Unit-test binaries (GoogleTest), run by `make check-unit`.
CHECK_UNIT      :=

# $(call objects,SOURCES): the object of each source, and its dependency file is remembered.
define objects
$(foreach s,$(1),$(O)/$(basename $(s)).o)$(eval DEPS += $(foreach s,$(1),$(O)/$(basename $(s)).d))
endef

$(O)/%.o: %.cc
	$(call say,CXX,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c $< -o $@

$(O)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# Link line: $(call link-cxx,OUTPUT,OBJECTS AND ARCHIVES,LIBRARIES)
define link-cxx
$(call say,LD,$(1))
$(Q)mkdir -p $(dir $(1))
$(Q)$(CXX) $(LDFLAGS) -o $(1) $(2) $(3)
endef

define archive
$(call say,AR,$(1))
$(Q)rm -f $(1) && ar rcs $(1) $(2)
endef
