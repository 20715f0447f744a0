// SPDX-License-Identifier: GPL-2.0-only
/* Generated data with a checksum, and small readers of /proc. */
#include "zdtmtst.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The reflected polynomial of CRC-32 (IEEE 802.3), one table row per byte value. */
static uint32_t crc_table[256];

__attribute__((constructor)) static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ ((c & 1) ? 0xedb88320u : 0);
		crc_table[i] = c;
	}
}

uint32_t crc32_update(uint32_t crc, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len--)
		crc = (crc >> 8) ^ crc_table[(crc ^ *p++) & 0xff];
	return crc;
}

/* xorshift64*: fast, and no two pages alike. */
static uint64_t next_random(void)
{
	static uint64_t state;

	if (!state)
		state = (uint64_t)now_us() * 0x9e3779b97f4a7c15u + (uint64_t)getpid() + 1;
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1du;
}

void datagen(void *buf, size_t len, uint32_t *crc)
{
	unsigned char *p = buf;
	size_t left = len;

	while (left) {
		uint64_t r = next_random();
		size_t n = left < sizeof(r) ? left : sizeof(r);

		memcpy(p, &r, n);
		p += n;
		left -= n;
	}
	*crc = crc32_update(*crc, buf, len);
}

int datachk(const void *buf, size_t len, uint32_t crc)
{
	return crc32_update(CRC_INIT, buf, len) == crc ? 0 : 1;
}

size_t read_all(int fd, void *buf, size_t size)
{
	size_t n = 0;
	ssize_t rc;

	while (n < size && (rc = read(fd, (char *)buf + n, size - n)) > 0)
		n += (size_t)rc;
	return n;
}

ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	if (n < 0)
		return -1;
	buf[len] = '\0';
	return len;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	int ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, len) == (ssize_t)len ? 0 : -1;
	close(fd);
	return ret;
}

int make_files(int directory, int count)
{
	char name[16];

	for (int i = 0; i < count; i++) {
		int fd;

		snprintf(name, sizeof(name), "f%d", i);
		fd = openat(directory, name, O_WRONLY | O_CREAT, 0600);
		if (fd < 0 || close(fd))
			return -1;
	}
	return 0;
}

static void copy_trimmed(char *to, size_t size, const char *from)
{
	size_t len;

	while (isspace((unsigned char)*from))
		from++;
	len = strlen(from);
	while (len && isspace((unsigned char)from[len - 1]))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

int proc_field(const char *path, const char *key, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t len = strlen(key);
	char line[4096];
	int ret = -1;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, len) && line[len] == ':') {
			copy_trimmed(buf, size, line + len + 1);
			ret = 0;
			break;
		}
	}
	fclose(f);
	return ret;
}

int vma_has_flag(const void *addr, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false;
	char line[4096];
	int ret = -1;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			inside = (unsigned long)addr >= start && (unsigned long)addr < end;
		} else if (inside && !strncmp(line, "VmFlags:", 8)) {
			char *save = NULL;

			ret = 0;
			for (char *t = strtok_r(line + 8, " \n", &save); t;
			     t = strtok_r(NULL, " \n", &save))
				ret |= !strcmp(t, flag);
			break;
		}
	}
	fclose(f);
	return ret;
}

int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}
