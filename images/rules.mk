# The image format: one .proto per subsystem, compiled by protoc-c to $(O)/images/*.pb-c.{c,h}.

IMAGES_PROTO := $(wildcard images/*.proto)
IMAGES_C     := $(patsubst %.proto,$(O)/%.pb-c.c,$(IMAGES_PROTO))
IMAGES_H     := $(IMAGES_C:.c=.h)
IMAGES_A     := $(O)/images/libimages.a

$(O)/images/%.pb-c.c $(O)/images/%.pb-c.h: images/%.proto
	$(call say,PROTO,$(O)/images/$*)
	$(Q)mkdir -p $(O)/images
	$(Q)protoc-c --proto_path=. --c_out=$(O) $<

$(IMAGES_C:.c=.o): %.o: %.c $(IMAGES_H)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-parameter -c $< -o $@

$(IMAGES_A): $(IMAGES_C:.c=.o)
	$(call archive,$@,$^)

.SECONDARY: $(IMAGES_C) $(IMAGES_H)
