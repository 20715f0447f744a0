// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/robust/robust-test: a small tree with a bit of everything that images are made
 * for. Two tasks, one of them with two threads; private and shared memory, a plain file, an unlinked
 * one, a pipe with data in it, a terminal with a line that nobody has read, sockets, an
 * epoll set, a memfd, a System V segment, a BPF map, what counts events; filters of system calls, which all
 * threads but the root's first have. Each of its three threads checks, in a loop,
 * that its share of this is as it should be, and counts the rounds in a file.
 *
 *   target DIR [devices]  DIR has `counters` (at least a page) and `data`; with devices: also a ring and a TUN device
 *   target --hold PID     makes a task of that number, which only sleeps; ends when its stdin does
 *
 * Ends with status 3, and a word of what is wrong in the second KiB of the counters, when something is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 16 * 512, PAGE = 4096, IN_PIPE = 1000, COMPLAINT = 1024 };
static const char kGhostText[] = "what an unlinked file holds";

static volatile uint64_t *counters;
static int data_fd, ghost_fd, pipe_fds[2];
static char *segment;
static int pair[2], epoll_fd, event_fd, timer_fd, memory_fd, terminal[2], datagrams, talker, tun_fd, map_fd;
static pid_t owner;
static unsigned char *ring;

static void wrong(const char *what)
{
	if (counters && counters != MAP_FAILED)
		strncpy((char *)counters + COMPLAINT, what, PAGE - COMPLAINT - 1);
	_exit(3);
}

static void check_files(void)
{
	char text[sizeof kGhostText];
	int in_pipe = 0;

	if (pread(ghost_fd, text, sizeof text, 0) != sizeof text || memcmp(text, kGhostText, sizeof text))
		wrong("the unlinked file holds something else");
	if (pread(data_fd, text, 4, 0) != 4 || memcmp(text, "data", 4))
		wrong("the file holds something else");
	if (ioctl(pipe_fds[0], FIONREAD, &in_pipe) || in_pipe != IN_PIPE)
		wrong("the pipe holds something else");
	if (fcntl(pipe_fds[0], F_GETOWN) != owner || fcntl(pipe_fds[0], F_GETSIG) != SIGUSR1)
		wrong("the pipe's events go to somebody else");
}

static void check_others(void)
{
	char text[sizeof kGhostText];
	struct epoll_event event;
	struct itimerspec left;
	struct pollfd ready = { event_fd, POLLIN, 0 };

	if (recv(pair[0], text, sizeof text, MSG_PEEK | MSG_DONTWAIT) != 4 || memcmp(text, "pair", 4))
		wrong("the socket holds something else");
	if (pread(memory_fd, text, sizeof text, 0) != 6 || memcmp(text, "memory", 6))
		wrong("the memfd holds something else");
	if (strcmp(segment, "segment"))
		wrong("the segment holds something else");
	if (epoll_wait(epoll_fd, &event, 1, 0) != 1 || event.data.u64 != 77)
		wrong("the epoll set watches something else");
	if (poll(&ready, 1, 0) != 1)
		wrong("the eventfd has lost its event");
	if (timerfd_gettime(timer_fd, &left) || left.it_value.tv_sec == 0)
		wrong("the timer has stopped");
}

/* To see what is in it a dump has to take it, for a moment that a dump which is killed does not end. */
static void check_terminal(void)
{
	const struct timespec ts = { 0, 1000000 };
	struct winsize size;
	int typed = 0;

	for (int i = 0; i < 1000 && (ioctl(terminal[1], FIONREAD, &typed) || typed != 6); i++)
		nanosleep(&ts, NULL);
	if (typed != 6 || ioctl(terminal[1], TIOCGWINSZ, &size) || size.ws_col != 77)
		wrong("the terminal is another");
}

static int bpf_map(int command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static void check_network(void)
{
	struct ifreq request = { 0 };
	char text[8];
	ssize_t got;
	struct sockaddr_in own, peer;
	socklen_t size = sizeof own;
	int ttl = 0;
	socklen_t ttl_size = sizeof ttl;

	/* Datagrams may be lost, where a system call fails that would bring them back: not become others. */
	got = recv(datagrams, text, sizeof text, MSG_PEEK | MSG_DONTWAIT);
	if (!(got < 0 && errno == EAGAIN) && (got != 5 || memcmp(text, "first", 5)) &&
	    (got != 6 || memcmp(text, "second", 6)))
		wrong("the UDP socket holds something else");
	if (getsockname(datagrams, (struct sockaddr *)&own, &size) ||
	    getpeername(talker, (struct sockaddr *)&peer, &size) || peer.sin_port != own.sin_port ||
	    getsockopt(talker, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, &ttl_size) || ttl != 7)
		wrong("the connected UDP socket is another");
	if (!ring)
		return;
	if (ioctl(tun_fd, TUNGETIFF, &request) || strcmp(request.ifr_name, "robust0"))
		wrong("the TUN device is another");
	if (((struct tpacket2_hdr *)ring)->tp_status & TP_STATUS_USER)
		wrong("there is a packet in the ring");
}

static void check_map(void)
{
	const uint32_t key = 5;
	uint64_t value = 0;
	union bpf_attr at = { .map_fd = (uint32_t)map_fd, .key = (uint64_t)(uintptr_t)&key,
			      .value = (uint64_t)(uintptr_t)&value };

	if (map_fd >= 0 && (bpf_map(BPF_MAP_LOOKUP_ELEM, &at) || value != 55))
		wrong("the BPF map holds something else");
}

/* Of the calling thread: getppid() gives that error. Of two the one that was set last counts. */
static void filter(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof code / sizeof *code, .filter = code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		wrong("cannot set a filter");
}

static void check_filter(int index)
{
	const long parent = syscall(SYS_getppid);

	if (index == 0 ? parent < 0 : parent >= 0 || errno != EDOM)
		wrong("the filters of system calls are others");
}

static void *count(void *arg)
{
	const int index = (int)(intptr_t)arg;
	uint64_t *memory = mmap(NULL, WORDS * sizeof *memory, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct timespec ts = { 0, 1000000 };

	if (memory == MAP_FAILED)
		wrong("no memory");
	if (index != 0)
		filter(EDOM);
	if (index == 2)
		filter(ERANGE);
	if (index == 2)
		filter(EDOM);
	for (size_t i = 0; i < WORDS; i++)
		memory[i] = i * 0x9e3779b97f4a7c15ULL + (uint64_t)index;
	for (;;) {
		for (size_t i = 0; i < WORDS; i++)
			if (memory[i] != i * 0x9e3779b97f4a7c15ULL + (uint64_t)index)
				wrong("memory has changed");
		check_files();
		check_others();
		check_terminal();
		check_network();
		check_map();
		check_filter(index);
		counters[index]++;
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void open_files(const char *dir)
{
	char zeros[IN_PIPE] = { 0 };
	int fd;

	if (chdir(dir))
		wrong("there is no such directory");
	fd = open("counters", O_RDWR);
	counters = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || counters == MAP_FAILED)
		wrong("cannot map the counters");
	data_fd = open("data", O_RDWR);
	if (data_fd < 0)
		wrong("cannot open the file");
	if (mkdir("gone", 0755))
		wrong("cannot make a directory");
	ghost_fd = open("gone/ghost", O_RDWR | O_CREAT | O_EXCL, 0644);
	if (ghost_fd < 0 || write(ghost_fd, kGhostText, sizeof kGhostText) != sizeof kGhostText ||
	    unlink("gone/ghost"))
		wrong("cannot make an unlinked file");
	if (pipe(pipe_fds) || write(pipe_fds[1], zeros, sizeof zeros) != sizeof zeros)
		wrong("cannot fill a pipe");
	owner = getpid();
	if (fcntl(pipe_fds[0], F_SETOWN, owner) || fcntl(pipe_fds[0], F_SETSIG, SIGUSR1))
		wrong("cannot own a pipe");
}

/* In the abstract name space: a damaged name makes no file. */
static void listen_to_nobody(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = offsetof(struct sockaddr_un, sun_path) + 1 +
			 (socklen_t)sprintf(a.sun_path + 1, "criu-robust-%d", getpid());
	int local = socket(AF_UNIX, SOCK_STREAM, 0), inet = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(local, (struct sockaddr *)&a, size) || listen(local, 3) ||
	    bind(inet, (struct sockaddr *)&in, sizeof in) || listen(inet, 3))
		wrong("cannot listen");
}

/* It ends with the tasks. */
static void attach_segment(void)
{
	const int id = shmget(IPC_PRIVATE, PAGE, 0600);

	segment = shmat(id, NULL, 0);
	if (id < 0 || segment == (void *)-1 || shmctl(id, IPC_RMID, NULL))
		wrong("cannot make a segment");
	strcpy(segment, "segment");
}

static void fill_queue(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct ip_mreqn group = { .imr_multiaddr.s_addr = htonl(0xe000004d), /* 224.0.0.77 */
					.imr_address.s_addr = htonl(INADDR_LOOPBACK) };
	const int ttl = 7;
	struct sockaddr_in own;
	socklen_t size = sizeof own;

	datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(datagrams, (const struct sockaddr *)&any, sizeof any) ||
	    getsockname(datagrams, (struct sockaddr *)&own, &size) ||
	    sendto(datagrams, "first", 5, 0, (struct sockaddr *)&own, size) != 5 ||
	    sendto(datagrams, "second", 6, 0, (struct sockaddr *)&own, size) != 6)
		wrong("cannot fill a UDP socket");
	talker = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(talker, (const struct sockaddr *)&own, size) ||
	    setsockopt(talker, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl) ||
	    setsockopt(talker, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group))
		wrong("cannot connect a UDP socket");
}

/* In a network of the test's own. */
static void open_devices(void)
{
	const struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a4d0001) }; /* 10.77.0.1 */
	const struct tpacket_req frames = { .tp_block_size = PAGE, .tp_block_nr = 1, .tp_frame_size = PAGE / 4,
					    .tp_frame_nr = 4 };
	const int version = TPACKET_V2, packets = socket(AF_PACKET, SOCK_RAW, 0);
	struct ifreq request = { .ifr_name = "robust0", .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (setsockopt(packets, SOL_PACKET, PACKET_VERSION, &version, sizeof version) ||
	    setsockopt(packets, SOL_PACKET, PACKET_RX_RING, &frames, sizeof frames))
		wrong("cannot make a ring");
	ring = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, packets, 0);
	if (ring == MAP_FAILED)
		wrong("cannot map a ring");
	tun_fd = open("/dev/net/tun", O_RDWR);
	if (tun_fd < 0 || ioctl(tun_fd, TUNSETIFF, &request))
		wrong("cannot make a TUN device");
	memcpy(&request.ifr_addr, &own, sizeof own);
	if (ioctl(datagrams, SIOCSIFADDR, &request))
		wrong("cannot give an address to a TUN device");
}

/* Where that is allowed. */
static void make_map(void)
{
	const uint32_t key = 5;
	const uint64_t value = 55;
	union bpf_attr make = { .map_type = BPF_MAP_TYPE_HASH, .key_size = sizeof key, .value_size = sizeof value,
				.max_entries = 3 };
	union bpf_attr set = { .key = (uint64_t)(uintptr_t)&key, .value = (uint64_t)(uintptr_t)&value };

	map_fd = bpf_map(BPF_MAP_CREATE, &make);
	set.map_fd = (uint32_t)map_fd;
	if (map_fd >= 0 && bpf_map(BPF_MAP_UPDATE_ELEM, &set))
		wrong("cannot fill a BPF map");
}

static void open_others(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 };
	struct itimerspec set = { { 0, 0 }, { 100000, 0 } };
	struct winsize size = { .ws_row = 7, .ws_col = 77 };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	epoll_fd = epoll_create1(0);
	event_fd = eventfd(5, 0);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
	memory_fd = memfd_create("memory", 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || write(pair[1], "pair", 4) != 4 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event) || event_fd < 0 ||
	    timerfd_settime(timer_fd, 0, &set, NULL) || write(memory_fd, "memory", 6) != 6 ||
	    signalfd(-1, &signals, 0) < 0 || openpty(&terminal[0], &terminal[1], NULL, NULL, &size) ||
	    write(terminal[0], "typed\n...", 9) != 9)
		wrong("cannot make descriptors");
	listen_to_nobody();
	attach_segment();
	fill_queue();
	make_map();
}

static int hold(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};
	char c;
	long rc = syscall(SYS_clone3, &args, sizeof args);

	if (rc < 0) {
		perror("target: cannot take the pid");
		return 1;
	}
	if (rc == 0)
		for (;;)
			pause();
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc == 3 && !strcmp(argv[1], "--hold"))
		return hold(atoi(argv[2]));
	if (argc != 2 && !(argc == 3 && !strcmp(argv[2], "devices")))
		wrong("usage: target DIR [devices] | target --hold PID");
	open_files(argv[1]);
	open_others();
	if (argc == 3)
		open_devices();
	switch (fork()) {
	case -1:
		wrong("cannot fork");
		break;
	case 0:
		count((void *)2);
		break;
	default:
		if (pthread_create(&thread, NULL, count, (void *)1))
			wrong("cannot make a thread");
		count((void *)0);
	}
	return 0;
}
