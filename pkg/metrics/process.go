package metrics

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// DefaultProcesses is the number of processes listed where Config does not
// say.
const DefaultProcesses = 4096

const (
	firstBuffer = 4096 // a page: what stat, status and most of all fits in
	// maxStatus bounds status, whose longest line has up to 65,536 groups.
	maxStatus = 1 << 20
)

// process is one process as it was read.
type process struct {
	pid        string
	stat       stat
	status     status
	executable string
	cwd        string
	arguments  []string
}

// tally counts what became of the processes of /proc.
type tally struct {
	total   int // in /proc
	listed  int
	kernel  int // kernel threads, not listed
	omitted int // not listed for there being too many
}

func (t tally) node() *Node {
	return branch("processes",
		number("total", float64(t.total), Integer), number("listed", float64(t.listed), Integer),
		number("kernel", float64(t.kernel), Integer), number("omitted", float64(t.omitted), Integer))
}

// processReader reads processes one after the other into the same buffers.
type processReader struct {
	proc    int // directory
	buf     []byte
	textBuf [MaxText + 1]byte // one more than is taken, to see that there is more
}

// processes lists the processes by pid, the lowest first, and counts them.
func (c *collection) processes() (listed, counted *Node) {
	if c.Proc == "" {
		return nil, nil
	}
	dir, err := os.Open(c.Proc)
	if err != nil {
		c.fail(err)
		return nil, nil
	}
	defer dir.Close()
	uptime, _ := parsed(c, c.Proc, "uptime", parseUptime)
	pids, err := readPIDs(dir)
	if err != nil {
		c.fail(err)
		return nil, nil
	}
	nodes, t := c.list(int(dir.Fd()), pids, uptime)
	return branch("process", nodes...), t.node()
}

// list reads the processes pids from the directory proc.
func (c *collection) list(proc int, pids []int, uptime uint64) ([]*Node, tally) {
	limit := c.MaxProcesses
	if limit <= 0 {
		limit = DefaultProcesses
	}
	nodes := make([]*Node, 0, min(limit, len(pids)))
	t := tally{total: len(pids)}
	r := &processReader{proc: proc, buf: make([]byte, 0, firstBuffer)}
	for i, pid := range pids {
		if len(nodes) == limit {
			t.omitted = len(pids) - i
			break
		}
		name := strconv.Itoa(pid)
		p, err := r.read(name)
		switch {
		case err != nil && gone(err):
		case err != nil:
			c.fail(fmt.Errorf("read process %s: %w", filepath.Join(c.Proc, name), err))
		case p.stat.kernel:
			t.kernel++
		default:
			nodes = append(nodes, p.node(uptime))
		}
	}
	t.listed = len(nodes)
	return nodes, t
}

// readPIDs returns the names in a /proc that are numbers, in order.
func readPIDs(dir *os.File) ([]int, error) {
	const batch = 1024
	var found []int
	for {
		names, err := dir.Readdirnames(batch)
		for _, name := range names {
			if pid, err := strconv.ParseUint(name, 10, 31); err == nil {
				found = append(found, int(pid))
			}
		}
		if err != nil {
			slices.Sort(found)
			if err == io.EOF {
				err = nil
			}
			return found, err
		}
	}
}

// read reads a process; of a kernel thread nothing but stat. The error is gone
// where the process ended meanwhile.
func (r *processReader) read(pid string) (process, error) {
	p := process{pid: pid}
	dir, err := openProcess(r.proc, pid)
	if err != nil {
		return p, err
	}
	defer dir.close()
	if r.buf, err = dir.read("stat", r.buf, maxStatus); err != nil {
		return p, err
	}
	if p.stat, err = parseStat(r.buf); err != nil {
		return p, fmt.Errorf("stat: %w", err)
	}
	if p.stat.kernel {
		return p, nil
	}
	if r.buf, err = dir.read("status", r.buf, maxStatus); err != nil {
		return p, err
	}
	if p.status, err = parseStatus(r.buf); err != nil {
		return p, fmt.Errorf("status: %w", err)
	}
	return p, r.texts(dir, &p)
}

// texts reads what the process chose itself. A zombie has neither executable
// nor cwd, and those of another user may be withheld.
func (r *processReader) texts(dir processDir, p *process) error {
	line, err := dir.readWaiting("cmdline", r.textBuf[:0], len(r.textBuf))
	if err != nil {
		return err
	}
	p.arguments = arguments(line)
	if path, err := dir.readlink("exe", r.textBuf[:]); err == nil {
		p.executable = text(path)
	}
	if path, err := dir.readlink("cwd", r.textBuf[:]); err == nil {
		p.cwd = text(path)
	}
	return nil
}

// processNodes are the nodes of one process, which are made at once: a collection
// makes thousands.
type processNodes struct {
	root, memory Node
	nodes        [11]Node
	children     [10]*Node
	sizes        [2]*Node
	used         int
}

// add returns one more node.
func (s *processNodes) add(name string, v Value, f Format) *Node {
	n := &s.nodes[s.used]
	s.used++
	*n = Node{Name: name, Value: v, Format: f}
	return n
}

func (s *processNodes) number(name string, n float64, f Format) *Node {
	return s.add(name, Value{Kind: Number, Number: n}, f)
}

// node has the children in the order of krata's tree. PID 1 has no parent; an
// uptime of zero is one that could not be read.
func (p process) node(uptime uint64) *Node {
	s := new(processNodes)
	children := s.children[:0]
	if p.stat.parent != 0 {
		children = append(children, s.number("parent", float64(p.stat.parent), Integer))
	}
	if p.executable != "" {
		children = append(children, s.add("executable", Value{Kind: Text, Text: p.executable}, Unknown))
	}
	if p.cwd != "" {
		children = append(children, s.add("cwd", Value{Kind: Text, Text: p.cwd}, Unknown))
	}
	s.sizes = [2]*Node{
		s.number("resident", float64(p.status.resident), Bytes), s.number("virtual", float64(p.status.virtual), Bytes),
	}
	s.memory = Node{Name: "memory", Children: s.sizes[:]}
	children = append(children, s.add("cmdline", Value{Kind: List, List: p.arguments}, Unknown), &s.memory)
	if uptime > 0 {
		children = append(children, s.number("lifetime", float64(uptime-min(uptime, p.stat.start))/ticks, Duration))
	}
	children = append(children,
		s.number("uid", float64(p.status.uid), Integer), s.number("gid", float64(p.status.gid), Integer),
		s.number("euid", float64(p.status.euid), Integer), s.number("egid", float64(p.status.egid), Integer))
	s.root = Node{Name: p.pid, Children: children}
	return &s.root
}
