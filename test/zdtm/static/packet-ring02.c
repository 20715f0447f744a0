// SPDX-License-Identifier: GPL-2.0-only
/* A mapped ring of a packet socket, of blocks of packets (TPACKET_V3): both go on at the same block again. */
#define VERSION TPACKET_V3
#include "packet-ring00.c"
