package boot

// The guest's paths. Those before the switch are the initramfs's.
const (
	procPath   = "/proc"
	sysPath    = "/sys"
	devPath    = "/dev"
	runPath    = "/run"
	cgroupPath = "/sys/fs/cgroup"

	binPath       = "/bin"
	programPath   = "/bbin"      // the programs that the links in binPath lead to
	initFilesPath = "/proc/1/fd" // the open files of PID 1

	// kinitPath has the scripts that change a boot, and two files besides:
	// what they hand on, and the mark of an image without a shell.
	kinitPath   = "/etc/kinit"
	envName     = "env"
	envPath     = kinitPath + "/" + envName
	noShellName = "no-shell"
	noShellPath = kinitPath + "/" + noShellName

	// SituationPath tells a shell how the boot stands; WishPath tells the boot
	// what the shell wants.
	SituationPath = "/run/kinit/boot.json"
	WishPath      = "/run/kinit/wish"
	ReportPath    = "/run/kinit/report.json" // for the host
	shellBinPath  = "/run/kinit/bin"         // the initramfs's commands, after the switch

	releasePath   = "/proc/sys/kernel/osrelease"
	cmdlinePath   = "/proc/cmdline"
	mountInfoPath = "/proc/self/mountinfo"
	sysctlPath    = "/proc/sys"
	consolePath   = "/dev/console"
	idmPath       = "/dev/hvc1"
	ptmxPath      = "/dev/pts/ptmx"
	xenbusPath    = "/dev/xen/xenbus"
	exitCodeKey   = "krata/guest/exit-code" // in XenStore

	// IPv6ConfPath has the kernel's IPv6 settings of each link.
	IPv6ConfPath = "/proc/sys/net/ipv6/conf"
	// ModulesPath names the modules to load, one file a line, in load order.
	ModulesPath = "/lib/modules/kguest.order"
	// aliasesPath is in images with a shell; see kmod.Drivers.
	aliasesPath = "/lib/modules/kguest.aliases"
	// ModuleUsesPath says what each is loaded for.
	ModuleUsesPath = "/lib/modules/kguest.uses"
	// ImagePath and ConfigPath are the mount points of the two disks.
	ImagePath  = "/image"
	ConfigPath = "/config"
	// OverlayPath holds the tmpfs of the upper layer, RootPath the new root.
	OverlayPath = "/overlay"
	RootPath    = "/newroot"

	// Below ConfigPath.
	imageConfigFile  = "image/config.json"
	launchConfigFile = "launch.json"

	// CgroupName is the workload's cgroup.
	CgroupName = "krata-guest-task"
)
