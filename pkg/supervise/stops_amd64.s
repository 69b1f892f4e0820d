#include "textflag.h"

// func handler() (handle, restore uintptr)
TEXT ·handler(SB), NOSPLIT, $0-16
	LEAQ handleStop<>(SB), AX
	MOVQ AX, handle+0(FP)
	LEAQ returnFromStop<>(SB), AX
	MOVQ AX, restore+8(FP)
	RET

// handleStop is called by the kernel, with the signal's number in DI, on the signal
// stack of the thread.
TEXT handleStop<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL DI, CX
	MOVL $1, AX
	SHLQ CX, AX
	LOCK
	ORQ  AX, ·stopsCaught(SB)
	MOVL $1, AX // write(2)
	MOVQ ·stopsWake(SB), DI
	LEAQ ·stopsOne(SB), SI
	MOVL $8, DX
	SYSCALL
	RET

// returnFromStop is rt_sigreturn(2).
TEXT returnFromStop<>(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL $15, AX
	SYSCALL
	INT  $3
