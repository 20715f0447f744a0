// SPDX-License-Identifier: GPL-2.0-only
/* A TCP connection whose segments are signed by a key, which is refused. */
/* zdtm: opts=--tcp-established expect="not-yet:signed by a key" */
#define CONNECTED
#include "tcp-signed00.c"
