/*
 * The workload of the measured boots. Its first instruction is the mark that
 * count.c looks for; the first thing it does is a line in the kernel's log.
 * Then it prints what the boot has left behind, and ends the machine, or itself.
 *
 *   workload [idle SECONDS | orphans COUNT | channel | exit]
 */
#include "sys.h"

static char text[1 << 17];
static char **arguments;
static int variables;

static void number(uint64_t n)
{
	char digits[24], *p = digits + sizeof digits - 1;
	*p = 0;
	do
		*--p = '0' + n % 10;
	while (n /= 10);
	write_string(1, p);
}

static void value(const char *name, uint64_t n)
{
	write_string(1, "\nbench value ");
	write_string(1, name);
	write_string(1, " ");
	number(n);
	write_string(1, "\n");
}

static void file(const char *path)
{
	if (read_file(path, text, sizeof text) < 0)
		return;
	write_string(1, "\nbench file ");
	write_string(1, path);
	write_string(1, "\n");
	write_string(1, text);
	write_string(1, "\nbench end\n");
}

/* The lines of the kernel's log that have the times. */
static void log_lines(void)
{
	long n = sys(syslog, 3, text, sizeof text - 1);
	char *line = text;
	if (n < 0)
		return;
	text[n] = 0;
	while (*line) {
		char *end = line;
		while (*end && *end != '\n')
			end++;
		char rest = *end;
		*end = 0;
		if (after(line, "] Run /") || after(line, "] bench:") || after(line, "] kinit: ")) {
			write_string(1, "bench log ");
			write_string(1, line);
			write_string(1, "\n");
		}
		line = rest ? end + 1 : end;
	}
}

/* Processor time of process 1, all of its threads, in nanoseconds: the clock
 * is CPUCLOCK_SCHED of the process (include/linux/posix-timers.h). */
static uint64_t cpu_of_init(void)
{
	long t[2] = {0, 0};
	sys(clock_gettime, (int)((~1u << 3) | 2), t);
	return t[0] * 1000000000ull + t[1];
}

static uint64_t now(void)
{
	long t[2] = {0, 0};
	sys(clock_gettime, 1, t);
	return t[0] * 1000000000ull + t[1];
}

static void sleep_ms(long ms)
{
	long t[2] = {ms / 1000, ms % 1000 * 1000000};
	sys(nanosleep, t, 0);
}

static uint64_t decimal(const char *s)
{
	uint64_t n = 0;
	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

static void idle(uint64_t seconds)
{
	sleep_ms(2000); /* what the boot has still to do */
	uint64_t before = cpu_of_init(), began = now();
	sleep_ms(seconds * 1000);
	value("idle_init_ns", cpu_of_init() - before);
	value("idle_ns", now() - began);
	file("/proc/1/status");
	file("/proc/1/smaps_rollup");
	file("/proc/meminfo");
}

/* Children that end after their parent are process 1's to reap. */
static void orphans(uint64_t count)
{
	uint64_t before = cpu_of_init(), began = now();
	for (uint64_t i = 0; i < count; i++) {
		long child = sys(fork);
		if (child == 0) {
			if (sys(fork) == 0)
				sys(exit_group, 0);
			sys(exit_group, 0);
		}
		sys(wait4, child, 0, 0, 0);
	}
	sleep_ms(20);
	value("orphans_init_ns", cpu_of_init() - before);
	value("orphans_ns", now() - began);
}

/* Keeps the processor busy until process 1 has done nothing for half a second:
 * a guest that waits would not let the host's side come to its turn. */
static void settle(void)
{
	uint64_t last = cpu_of_init(), since = now();
	while (now() - since < 500000000) {
		sys(sched_yield);
		if (cpu_of_init() != last)
			last = cpu_of_init(), since = now();
	}
}

static void channel(void)
{
	settle();
	value("channel_init_ns", cpu_of_init());
}

/* Process 1 may leave for later what the workload need not wait for. */
static void let_init_finish(void)
{
	long pause[2] = {0, 20000000};
	sys(nanosleep, pause, 0);
}

static void report(void)
{
	value("init_cpu_ns", cpu_of_init());
	let_init_finish();
	value("init_cpu_later_ns", cpu_of_init());
	value("environment", variables);
	file("/proc/1/status");
	file("/proc/1/smaps_rollup");
	file("/proc/meminfo");
	file("/proc/self/mounts");
	file("/proc/self/cgroup");
	file("/proc/sys/kernel/hostname");
	file("/proc/net/route");
	file("/proc/net/if_inet6");
	file("/etc/hosts");
	file("/etc/resolv.conf");
	log_lines();
}

static int is(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

void begin(long *stack)
{
	long log = sys(open, "/dev/kmsg", 1);
	write_string(log, "<6>bench: workload\n");
	long count = stack[0];
	arguments = (char **)stack + 1;
	while (arguments[count + 1 + variables])
		variables++;
	report();
	if (count > 2 && is(arguments[1], "idle"))
		idle(decimal(arguments[2]));
	if (count > 2 && is(arguments[1], "orphans"))
		orphans(decimal(arguments[2]));
	if (count > 1 && is(arguments[1], "channel"))
		channel();
	value("done", 1);
	if (count > 1 && is(arguments[1], "exit"))
		sys(exit_group, 42);
	sys(ioctl, 1, 0x5409, 1); /* TCSBRK: until all is sent */
	end_machine();
	sys(exit_group, 0);
}

/* The mark: a nop with a number of its own. */
__asm__(".globl _start\n_start:\n"
	"\t.byte 0x0f, 0x1f, 0x80, 0x6b, 0x67, 0x73, 0x74\n"
	"\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
