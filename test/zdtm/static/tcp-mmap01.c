// SPDX-License-Identifier: GPL-2.0-only
/* The same, with a page of what was received: nothing but the kernel could put it there. */
/* zdtm: opts=--tcp-established expect="refuse:bytes that were received are mapped" */
#define KEEP 1
#include "tcp-mmap00.c"
