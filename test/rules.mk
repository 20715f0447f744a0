# see scripts/make/common.mk for what a room may add

include test/zdtm/rules.mk
