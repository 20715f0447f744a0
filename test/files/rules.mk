# What the tests of files preload into criu.

FILES_MEANWHILE := $(O)/test/files/meanwhile.so

$(FILES_MEANWHILE): test/files/meanwhile.c
	$(call say,LD,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

tests: $(FILES_MEANWHILE)
