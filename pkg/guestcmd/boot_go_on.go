package guestcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/nearest"
	"github.com/kguest/kguest/pkg/rescue"
)

// BootContinue and BootRetry are the commands that end a shell of the boot's
// and have the boot go on.
var (
	BootContinue = Command{Name: "boot-continue", Page: bootContinuePage, Run: runBootContinue}
	BootRetry    = Command{Name: "boot-retry", Page: bootRetryPage, Run: runBootRetry}
)

const bootContinuePage = `Boot-continue leaves a shell of kinit's and goes on with the boot.

Synopsis:

	boot-continue [-n]

After a failure it takes what failed for done: a script counts as run, a stage as
done by hand, and the boot goes on with what follows. What only kinit itself can
do (read the configuration, open the IDM channel, switch the root, run the
command) it tries again. Before a stage (kinit.break) it goes on with the stage.

It ends the shell, whatever else runs in it.

Options:

	-n  say what would happen, and change nothing

Exit status: 0, 1 when this is no shell of kinit's, 2 for a wrong call.

Examples:

	kmount images -image /dev/vdc && boot-continue
`

const bootRetryPage = `Boot-retry leaves a shell of kinit's and does a stage of the boot again.

Synopsis:

	boot-retry [-n] [STAGE]

It begins anew with STAGE, its scripts included, and goes on from there. STAGE is
one that was done or the one at hand, which is the default. A stage leaves alone
what is done already. After the stage switch only run can be done again.

It ends the shell, whatever else runs in it.

Options:

	-n  say what would happen, and change nothing

Exit status: 0, 1 when this is no shell of kinit's, 2 for a wrong call.

Examples:

	boot-retry
	boot-retry images
`

func runBootContinue(_ context.Context, env *Env) error {
	dryRun, words, err := goOnFlags(env, "boot-continue")
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return Usagef("%q: it takes no arguments", words[0])
	}
	s, err := situation()
	if err != nil {
		return err
	}
	if dryRun {
		fmt.Fprintf(env.Stdout, "leaves the shell of stage %s and goes on\n", s.Stage)
		return nil
	}
	return leaveShell(rescue.Wish{Do: rescue.Continue})
}

func runBootRetry(_ context.Context, env *Env) error {
	dryRun, words, err := goOnFlags(env, "boot-retry")
	if err != nil {
		return err
	}
	if len(words) > 1 {
		return Usagef("%q: one argument too many", words[1])
	}
	s, err := situation()
	if err != nil {
		return err
	}
	stage := s.Stage
	if len(words) == 1 {
		stage = words[0]
	}
	if err := checkRetry(s, stage); err != nil {
		return err
	}
	if dryRun {
		fmt.Fprintf(env.Stdout, "leaves the shell of stage %s and begins again with %s\n", s.Stage, stage)
		return nil
	}
	return leaveShell(rescue.Wish{Do: rescue.Retry, Stage: stage})
}

func goOnFlags(env *Env, name string) (dryRun bool, words []string, err error) {
	fset := flagSet(name)
	fset.BoolVar(&dryRun, "n", false, "")
	words, err = parseMixed(fset, env.Args)
	return dryRun, words, err
}

// situation returns what kinit said when it opened the shell.
func situation() (rescue.Situation, error) {
	if os.Getenv(rescue.Mark) == "" {
		return rescue.Situation{}, errors.New("this is no shell of kinit's (kinit.break=STAGE and kinit.rescue=shell open one)")
	}
	s, err := rescue.ReadSituation(boot.SituationPath)
	if errors.Is(err, fs.ErrNotExist) { // something was mounted over it since
		return rescue.Situation{Stage: os.Getenv("KINIT_STAGE"), Reason: os.Getenv("KINIT_REASON"), Stages: boot.Stages()}, nil
	}
	return s, err
}

func checkRetry(s rescue.Situation, stage string) error {
	at, now := slices.Index(s.Stages, stage), slices.Index(s.Stages, s.Stage)
	switch {
	case at < 0:
		return Usagef("no stage %q%s (there are: %s)", stage, nearest.Hint(stage, s.Stages), strings.Join(s.Stages, " "))
	case at > now:
		return Usagef("stage %s is yet to come: the boot is at %s", stage, s.Stage)
	}
	return nil
}

// leaveShell tells the boot what to do and ends the shell.
func leaveShell(w rescue.Wish) error {
	if err := w.Write(boot.WishPath); err != nil {
		return err
	}
	return endSession()
}
