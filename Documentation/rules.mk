# SPDX-License-Identifier: GPL-2.0-only
# The man pages, and where everything is installed.

MAN8_PAGES := $(O)/Documentation/criu.8 $(O)/Documentation/rmforkctl.8
MAN7_PAGES := $(O)/Documentation/rmfork.7
MAN_PAGES  := $(MAN8_PAGES) $(MAN7_PAGES)

define man-page
$(call say,MAN,$@)
$(Q)mkdir -p $(@D)
$(Q)asciidoctor --failure-level WARN -b manpage -o $@ $<
endef

$(O)/Documentation/%.8: Documentation/%.adoc
	$(man-page)

$(O)/Documentation/%.7: Documentation/%.adoc
	$(man-page)

# Without asciidoctor there is a program all the same.
HAVE_ASCIIDOCTOR := $(shell command -v asciidoctor 2>/dev/null)
ifneq ($(HAVE_ASCIIDOCTOR),)
ALL += $(MAN_PAGES)
endif

.PHONY: docs check-docs install-tool install-completion install-docs uninstall

docs: $(MAN_PAGES) ## build the man pages

check-docs: $(CRIU_BIN) $(RMFORKCTL) $(MAN_PAGES) ## do the man pages say what the programs do
	$(Q)python3 -B Documentation/check-options $(CRIU_BIN) $(RMFORKCTL)

SBIN_DIR       := $(DESTDIR)$(PREFIX)/sbin
MAN7_DIR       := $(DESTDIR)$(PREFIX)/share/man/man7
MAN8_DIR       := $(DESTDIR)$(PREFIX)/share/man/man8
COMPLETION_DIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

PROGRAMS    := $(CRIU_BIN) $(RMFORKCTL)
COMPLETIONS := criu rmforkctl

INSTALL_TARGETS += install-tool install-completion $(if $(HAVE_ASCIIDOCTOR),install-docs)

install-tool: $(PROGRAMS)
	$(call say,INSTALL,$(SBIN_DIR)/$(notdir $(PROGRAMS)))
	$(Q)install -d '$(SBIN_DIR)'
	$(Q)install -s -m 755 $(PROGRAMS) '$(SBIN_DIR)'

install-completion:
	$(call say,INSTALL,$(COMPLETION_DIR)/$(COMPLETIONS))
	$(Q)install -d '$(COMPLETION_DIR)'
	$(Q)for c in $(COMPLETIONS); do install -m 644 scripts/completion/$$c.bash '$(COMPLETION_DIR)'/$$c || exit 1; done

install-docs: $(MAN_PAGES)
	$(call say,INSTALL,$(notdir $(MAN_PAGES)))
	$(Q)install -d '$(MAN7_DIR)' '$(MAN8_DIR)'
	$(Q)install -m 644 $(MAN7_PAGES) '$(MAN7_DIR)'
	$(Q)install -m 644 $(MAN8_PAGES) '$(MAN8_DIR)'

uninstall: ## remove what install has put there
	$(Q)rm -f $(patsubst %,'$(SBIN_DIR)/%',$(notdir $(PROGRAMS)))
	$(Q)rm -f $(patsubst %,'$(COMPLETION_DIR)/%',$(COMPLETIONS))
	$(Q)rm -f $(patsubst %,'$(MAN7_DIR)/%',$(notdir $(MAN7_PAGES)))
	$(Q)rm -f $(patsubst %,'$(MAN8_DIR)/%',$(notdir $(MAN8_PAGES)))
