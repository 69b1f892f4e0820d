/*
 * A plugin of QEMU's TCG (API version 1): counts the instructions of a guest
 * with one processor, from the first outside the kernel to the mark that
 * workload.c begins with. To the file named by out= it writes
 *
 *   FIRST|MARK KERNEL USER IDLE
 *
 * Idle are those of the kernel's polling idle loop (idle=poll), which are not in
 * KERNEL: few instructions from one PAUSE to the next. To the file named by code=,
 * if there is one, it writes the address of each block of a process's as it is
 * first executed, in hexadecimal, the workload's aside.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
EXPORT int qemu_plugin_version = 1;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned int, void *),
					    enum qemu_plugin_cb_flags, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

/* More instructions than a turn of the loop has. An interrupt has more. */
#define TURN 48
/* More bytes than the workload has from its mark on. */
#define SIZE 0x2000

static uint64_t kernel, user, idle, paused;
static bool first, marked;
static FILE *out, *code;

static void tell(const char *what)
{
	fprintf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", what, kernel - idle, user, idle);
	fflush(out);
}

static void on_pause(unsigned int cpu, void *data)
{
	(void)cpu, (void)data;
	if (kernel - paused < TURN)
		idle += kernel - paused;
	paused = kernel;
}

static bool has(const struct qemu_plugin_insn *in, const void *bytes, size_t n)
{
	return qemu_plugin_insn_size(in) == n && memcmp(qemu_plugin_insn_data(in), bytes, n) == 0;
}

/* A block is translated right before it is first executed. */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const uint8_t pause[] = {0xf3, 0x90}, mark[] = {0x0f, 0x1f, 0x80, 0x6b, 0x67, 0x73, 0x74};
	size_t n = qemu_plugin_tb_n_insns(tb);
	bool in_kernel = qemu_plugin_tb_vaddr(tb) >> 63;
	(void)id;
	/* Firmware and the kernel's first steps run at low addresses too. */
	static bool booted;
	if (in_kernel)
		booted = true;
	if (!in_kernel && booted && !first)
		first = true, tell("FIRST");
	static uint64_t workload;
	uint64_t at = qemu_plugin_tb_vaddr(tb);
	if (!marked && !in_kernel && n > 0 && has(qemu_plugin_tb_get_insn(tb, 0), mark, sizeof mark))
		marked = true, workload = at, tell("MARK");
	if (code && !in_kernel && first && !(marked && at - workload < SIZE))
		fprintf(code, "%" PRIx64 "\n", at);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, in_kernel ? &kernel : &user, n);
	for (size_t i = 0; in_kernel && i < n; i++)
		if (has(qemu_plugin_tb_get_insn(tb, i), pause, sizeof pause))
			qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, i), on_pause,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		FILE **file = strncmp(argv[i], "out=", 4) == 0 ? &out : strncmp(argv[i], "code=", 5) == 0 ? &code : NULL;
		if (!file || !(*file = fopen(strchr(argv[i], '=') + 1, "w")))
			return -1;
	}
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
