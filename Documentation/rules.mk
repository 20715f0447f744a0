# SPDX-License-Identifier: GPL-2.0-only
# The man page, and where everything is installed.

MAN_PAGES := $(O)/Documentation/criu.8

$(O)/Documentation/%.8: Documentation/%.adoc
	$(call say,MAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)asciidoctor --failure-level WARN -b manpage -o $@ $<

# Without asciidoctor there is a program all the same.
HAVE_ASCIIDOCTOR := $(shell command -v asciidoctor 2>/dev/null)
ifneq ($(HAVE_ASCIIDOCTOR),)
ALL += $(MAN_PAGES)
endif

.PHONY: docs check-docs install-tool install-docs uninstall

docs: $(MAN_PAGES) ## build the man page

check-docs: $(CRIU_BIN) $(MAN_PAGES) ## does the man page say what the program does
	$(Q)python3 -B Documentation/check-options $(CRIU_BIN)

SBIN_DIR := $(DESTDIR)$(PREFIX)/sbin
MAN8_DIR := $(DESTDIR)$(PREFIX)/share/man/man8

INSTALL_TARGETS += install-tool $(if $(HAVE_ASCIIDOCTOR),install-docs)

install-tool: $(CRIU_BIN)
	$(call say,INSTALL,$(SBIN_DIR)/criu)
	$(Q)install -d '$(SBIN_DIR)'
	$(Q)install -m 755 $(CRIU_BIN) '$(SBIN_DIR)/criu'

install-docs: $(MAN_PAGES)
	$(call say,INSTALL,$(MAN8_DIR)/criu.8)
	$(Q)install -d '$(MAN8_DIR)'
	$(Q)install -m 644 $(MAN_PAGES) '$(MAN8_DIR)'

uninstall: ## remove what install has put there
	$(Q)rm -f '$(SBIN_DIR)/criu' '$(MAN8_DIR)/criu.8'
