/*
 * The floor: what the boot does, in C without a library, a heap or a check that
 * it can do without. It takes the strings it needs from the configuration by
 * their keys; it is no parser of JSON.
 */
#include "sys.h"
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>

enum { RDONLY = 1, NOSUID = 2, NOEXEC = 8, NOATIME = 1024, BIND = 4096, MOVE = 8192, RELATIME = 1 << 21 };

static char launch[1 << 16], image[1 << 16], order[1 << 13];
static char *arguments[64], *environment[8192];

static void fail(const char *what)
{
	long log = sys(open, "/dev/kmsg", 1);
	write_string(2, what);
	write_string(log, what);
	end_machine();
}

static long must(const char *what, long ret)
{
	if (ret < 0)
		fail(what);
	return ret;
}

/* Built with MARKS, it puts a line into the kernel's log after each step, which
 * tells what the step cost. */
static void mark(const char *step, const char *what)
{
#ifdef MARKS
	static long log;
	static char line[512];
	size_t n = length(step), m = length(what);
	if (!log)
		log = sys(open, "/dev/kmsg", 1);
	memcpy(line, step, n);
	memcpy(line + n, what, m);
	sys(write, log, line, n + m);
#else
	(void)step, (void)what;
#endif
}

static void mount_on(const char *source, const char *dir, const char *type, long flags, const char *data)
{
	sys(mkdir, dir, 0755);
	must(dir, sys(mount, source, dir, type, flags, data));
}

static void kernel_mounts(void)
{
	mount_on("devtmpfs", "/dev", "devtmpfs", NOSUID | NOEXEC, "mode=0755");
	mount_on("proc", "/proc", "proc", NOSUID | NOEXEC, 0);
	mount_on("sysfs", "/sys", "sysfs", NOSUID | NOEXEC, 0);
	mount_on("cgroup2", "/sys/fs/cgroup", "cgroup2", NOSUID | NOEXEC | RELATIME, 0);
	mount_on("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "gid=5,mode=620,ptmxmode=666");
	mount_on("tmpfs", "/dev/shm", "tmpfs", NOSUID | NOEXEC, "mode=1777");
	mount_on("mqueue", "/dev/mqueue", "mqueue", NOSUID | NOEXEC, 0);
	sys(mkdir, "/root", 0700);
	sys(mkdir, "/tmp", 01777);
	sys(mkdir, "/run", 0755);
	sys(symlink, "/proc/self/fd", "/dev/fd");
	sys(symlink, "/proc/self/fd/0", "/dev/stdin");
	sys(symlink, "/proc/self/fd/1", "/dev/stdout");
	sys(symlink, "/proc/self/fd/2", "/dev/stderr");
}

static void console(void)
{
	long fd = must("open console", sys(open, "/dev/console", 2));
	for (int i = 0; i < 3; i++)
		if (fd != i)
			sys(dup2, fd, i);
	if (fd > 2)
		sys(close, fd);
}

/* Loads what /order lists, a path a line, and deletes it. */
static void modules(void)
{
	if (read_file("/order", order, sizeof order) < 0)
		return;
	for (char *line = order; *line;) {
		char *end = line;
		while (*end != '\n')
			end++;
		*end = 0;
		long fd = must(line, sys(open, line, 02000000));
		must(line, sys(finit_module, fd, "", 0));
		sys(close, fd);
		sys(unlink, line);
		mark("<6>bench: module ", line);
		line = end + 1;
	}
	sys(unlink, "/order");
	sys(unlink, "/init");
}

/* The disk is there once its driver is; a little patience is for hardware. */
static void mount_disk(const char *disk, const char *dir)
{
	long pause[2] = {0, 1000000};
	for (int i = 0; i < 5000 && sys(access, disk, 0) < 0; i++)
		sys(nanosleep, pause, 0);
	mount_on(disk, dir, "squashfs", RDONLY, 0);
}

/* The string at s, from its quote on, is ended in place; where it ended in *rest. */
static char *string(char *s, char **rest)
{
	char *start = after(s, "\""), *end = start;
	while (*end != '"')
		end++;
	*end = 0;
	*rest = end + 1;
	return start;
}

/* Adds the strings of the array that follows key to list. */
static int strings(char *json, const char *key, char **list, int n)
{
	char *s = after(json, key);
	if (!s || !(s = after(s, "[")))
		return n;
	while (*s != ']')
		if (*s == '"')
			list[n++] = string(s, &s);
		else
			s++;
	return n;
}

static char *field(char *json, const char *key)
{
	char *rest, *s = json ? after(json, key) : 0;
	return s ? string(s, &rest) : 0;
}

/* Adds NAME=VALUE for each pair of the object that follows key. */
static int pairs(char *json, const char *key, char **list, int n)
{
	char *s = after(json, key), *rest;
	while (s && *s != '}')
		if (*s == '"') {
			list[n] = string(s, &rest);
			char *value = string(rest, &s), *name = list[n++];
			size_t name_size = length(name), size = length(value);
			name[name_size] = '=';
			for (size_t i = 0; i <= size; i++)
				name[name_size + 1 + i] = value[i];
		} else {
			s++;
		}
	return n;
}

static void root(void)
{
	mount_on("tmpfs", "/overlay", "tmpfs", 0, "size=50%");
	sys(mkdir, "/overlay/upper", 0755);
	sys(mkdir, "/overlay/work", 0755);
	mount_on("/image", "/overlay/image", "", BIND, 0);
	mount_on("overlay", "/newroot", "overlay", NOATIME,
		 "lowerdir=/overlay/image,upperdir=/overlay/upper,workdir=/overlay/work");
}

static void write_file(const char *path, const char *a, const char *b, const char *c)
{
	long fd = must(path, sys(open, path, 01101, 0644));
	write_string(fd, a);
	write_string(fd, b);
	write_string(fd, c);
	sys(close, fd);
}

static void names(char *name, char *resolver)
{
	must("sethostname", sys(sethostname, name, length(name)));
	sys(mkdir, "/newroot/etc", 0755);
	write_file("/newroot/etc/hostname", name, "\n", "");
	write_file("/newroot/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 ", name, "\n");
	write_file("/newroot/etc/resolv.conf", "nameserver ", resolver, "\n");
}

/* A netlink request, answered by an acknowledgment. */
static struct {
	struct nlmsghdr head;
	uint8_t body[240];
} request;
static long netlink;

static void *request_of(int type, int flags, size_t size)
{
	memset(&request, 0, sizeof request);
	request.head.nlmsg_type = type;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	request.head.nlmsg_len = NLMSG_LENGTH(size);
	return request.body;
}

static void attribute(int type, const void *data, int size)
{
	struct rtattr *a = (void *)((uint8_t *)&request + NLMSG_ALIGN(request.head.nlmsg_len));
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	request.head.nlmsg_len = NLMSG_ALIGN(request.head.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static void ask(const char *what)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		uint8_t rest[512];
	} answer;
	must(what, sys(sendto, netlink, &request, request.head.nlmsg_len, 0, 0, 0));
	must(what, sys(recvfrom, netlink, &answer, sizeof answer, 0, 0, 0));
	must(what, answer.err.error);
}

static int link_index(const char *name)
{
	struct ifreq r;
	memset(&r, 0, sizeof r);
	memcpy(r.ifr_name, name, length(name) + 1);
	must(name, sys(ioctl, netlink, 0x8933, &r)); /* SIOCGIFINDEX */
	return r.ifr_ifindex;
}

static void link_up(int index)
{
	struct ifinfomsg *m = request_of(RTM_NEWLINK, 0, sizeof *m);
	m->ifi_index = index;
	m->ifi_flags = m->ifi_change = IFF_UP;
	ask("link up");
}

static int digit(char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; }

/* The bytes of an IPv4 address, or of an IPv6 one with one "::" in lower case;
 * returns how many, and the length of the prefix after a slash. */
static int address_of(const char *s, uint8_t *bytes, int *prefix)
{
	int v6 = after((char *)s, ":") != 0, size = v6 ? 16 : 4, n = 0, gap = -1, number = 0;
	memset(bytes, 0, 16);
	for (;; s++) {
		if (*s && *s != '/' && *s != '.' && *s != ':') {
			number = number * (v6 ? 16 : 10) + digit(*s);
			continue;
		}
		if (v6)
			bytes[n++] = number >> 8;
		bytes[n++] = number;
		number = 0;
		if (!*s || *s == '/')
			break;
		if (*s == ':' && s[1] == ':')
			gap = n, s++;
	}
	for (int i = 0; gap >= 0 && i < n - gap && n < size; i++) {
		bytes[size - 1 - i] = bytes[n - 1 - i];
		bytes[n - 1 - i] = 0;
	}
	*prefix = 0;
	while (*s && *++s)
		*prefix = *prefix * 10 + digit(*s);
	return size;
}

static void add_address(int index, const char *address)
{
	uint8_t bytes[16];
	int prefix, size = address_of(address, bytes, &prefix);
	struct ifaddrmsg *m = request_of(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
	m->ifa_family = size == 4 ? 2 : 10;
	m->ifa_prefixlen = prefix;
	m->ifa_index = index;
	m->ifa_flags = size == 4 ? 0 : IFA_F_NODAD;
	attribute(IFA_LOCAL, bytes, size);
	attribute(IFA_ADDRESS, bytes, size);
	ask("address");
}

static void add_route(int index, const char *gateway)
{
	uint8_t bytes[16];
	int prefix, size = address_of(gateway, bytes, &prefix);
	struct rtmsg *m = request_of(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof *m);
	m->rtm_family = size == 4 ? 2 : 10;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_type = RTN_UNICAST;
	attribute(RTA_GATEWAY, bytes, size);
	attribute(RTA_OIF, &index, sizeof index);
	ask("route");
}

static void network(char *name, char *address4, char *gateway4, char *address6, char *gateway6)
{
	netlink = must("netlink", sys(socket, AF_NETLINK, 3 | 02000000, NETLINK_ROUTE));
	link_up(link_index("lo"));
	int index = link_index(name);
	add_address(index, address4);
	add_address(index, address6);
	link_up(index);
	add_route(index, gateway4);
	add_route(index, gateway6);
	sys(close, netlink);
}

static void move(const char *from, const char *to)
{
	sys(mkdir, to, 0755);
	must(to, sys(mount, from, to, 0, MOVE, 0));
}

static void switch_root(void)
{
	move("/sys", "/newroot/sys");
	move("/proc", "/newroot/proc");
	move("/dev", "/newroot/dev");
	sys(chdir, "/newroot");
	must("move root", sys(mount, ".", "/", 0, MOVE, 0));
	sys(chroot, ".");
	sys(chdir, "/");
}

/* The workload is in its cgroup from its first instruction. */
static void run(void)
{
	sys(mkdir, "/sys/fs/cgroup/krata-guest-task", 0755);
	long group = must("cgroup", sys(open, "/sys/fs/cgroup/krata-guest-task", 0200000));
	struct clone_args args;
	memset(&args, 0, sizeof args);
	args.flags = CLONE_INTO_CGROUP;
	args.exit_signal = 17;
	args.cgroup = group;
	if (must("clone3", sys(clone3, &args, sizeof args)) == 0) {
		sys(setsid);
		sys(ioctl, 0, 0x540e, 0); /* TIOCSCTTY */
		sys(execve, arguments[0], arguments, environment);
		fail("execve");
	}
	sys(close, group);
	while (sys(wait4, -1, 0, 0, 0) >= 0)
		;
}

void begin(void)
{
	kernel_mounts();
	mark("<6>bench: step ", "mounts");
	console();
	mark("<6>bench: step ", "console");
	modules();
	mark("<6>bench: step ", "modules");
	mount_disk("/dev/vda", "/image");
	mount_disk("/dev/vdb", "/config");
	mark("<6>bench: step ", "images");
	must("launch.json", read_file("/config/launch.json", launch, sizeof launch));
	must("config.json", read_file("/config/image/config.json", image, sizeof image));
	/* A string is ended in place, so what stands last is read first. */
	int n = strings(image, "\"Env\"", environment, 0);
	strings(image, "\"Cmd\"", arguments, strings(image, "\"Entrypoint\"", arguments, 0));
	n = pairs(launch, "\"env\":{", environment, n);
	environment[n++] = "KRATA_CONTAINER=1";
	environment[n] = "TERM=linux";
	char *resolver = 0, *link = after(launch, "\"link\"");
	char *v4 = after(launch, "\"ipv4\""), *v6 = after(launch, "\"ipv6\"");
	strings(launch, "\"nameservers\"", &resolver, 0);
	char *gateway6 = field(v6, "\"gateway\""), *address6 = field(v6, "\"address\"");
	char *gateway4 = field(v4, "\"gateway\""), *address4 = field(v4, "\"address\"");
	char *link_name = field(link, ""), *host = field(launch, "\"hostname\"");
	mark("<6>bench: step ", "config");
	root();
	mark("<6>bench: step ", "root");
	names(host, resolver);
	mark("<6>bench: step ", "hostname");
	network(link_name, address4, gateway4, address6, gateway6);
	mark("<6>bench: step ", "network");
	switch_root();
	mark("<6>bench: step ", "switch");
	run();
	end_machine();
}

__asm__(".globl _start\n_start:\n\tand $-16, %rsp\n\tcall begin\n");
