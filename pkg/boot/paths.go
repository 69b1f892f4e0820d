package boot

// The guest's paths. Those before the switch are the initramfs's.
const (
	procPath   = "/proc"
	sysPath    = "/sys"
	devPath    = "/dev"
	runPath    = "/run"
	cgroupPath = "/sys/fs/cgroup"

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
