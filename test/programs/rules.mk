# Programs that are dumped with their clients: the one that has to be compiled. It runs in the test VM as well, which
# has no compiler. Where there is no Go it is not made, and skipped.

GO_SERVER := $(O)/test/programs/server

$(GO_SERVER): test/programs/server.go
	$(call say,GO,$@)
	$(Q)mkdir -p $(dir $@)
	$(Q)HOME="$${HOME:-$(abspath $(O))}" CGO_ENABLED=0 go build -o $@ $<

tests: $(if $(shell command -v go),$(GO_SERVER))
