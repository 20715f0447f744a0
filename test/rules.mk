# see scripts/make/common.mk for what a room may add

include test/vm/rules.mk
include test/zdtm/rules.mk
include test/demo/rules.mk
include test/kill/rules.mk
