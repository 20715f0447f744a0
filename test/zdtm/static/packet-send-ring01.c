// SPDX-License-Identifier: GPL-2.0-only
/* A mapped ring of a packet socket that packets were sent from is refused: the kernel does not tell the next frame. */
/* zdtm: expect="not-yet:a mapped ring that packets were sent from" */
#define SENT_BEFORE 1
#include "packet-send-ring00.c"
