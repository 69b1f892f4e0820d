package metrics

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// DefaultProcesses is the number of processes listed where Config does not
// say.
const DefaultProcesses = 4096

const (
	firstBuffer = 4096 // a page: what stat, status and most of all fits in
	mostOpen    = 64   // descriptors, before those of one more process
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
	arguments  string // a List
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
	proc    int    // directory
	uptime  uint64 // ticks
	buf     []byte
	textBuf [MaxText + 1]byte // one more than is taken, to see that there is more
	read    closer
	kept    keeper
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
	proc := int(dir.Fd())
	uptime, _ := parsed(c, c.Proc, "uptime", parseUptime)
	entries, err := readEntries(proc)
	if err != nil {
		c.fail(&os.PathError{Op: "read directory", Path: c.Proc, Err: err})
		return nil, nil
	}
	sortEntries(entries)
	c.Known.recall(entries)
	nodes, t := c.list(proc, entries, uptime)
	c.Known.keep(entries)
	return branch("process", nodes...), t.node()
}

// list reads the processes of entries from the directory proc, and what there is
// to know of them.
func (c *collection) list(proc int, entries []entry, uptime uint64) ([]*Node, tally) {
	limit := c.MaxProcesses
	if limit <= 0 {
		limit = DefaultProcesses
	}
	nodes := make([]*Node, 0, min(limit, len(entries)))
	t := tally{total: len(entries)}
	r := &processReader{proc: proc, uptime: uptime, buf: make([]byte, 0, firstBuffer)}
	defer r.read.flush()
	for i := range entries {
		if len(nodes) == limit {
			t.omitted = len(entries) - i
			break
		}
		if len(r.read.fds) >= mostOpen {
			r.read.flush()
		}
		p, err := r.process(&entries[i])
		switch {
		case err != nil && gone(err):
		case err != nil:
			c.fail(fmt.Errorf("read process %s: %w", filepath.Join(c.Proc, strconv.Itoa(entries[i].pid)), err))
		case p.stat.kernel:
			t.kernel++
		default:
			nodes = append(nodes, p.node(r.kept.nodes(), uptime))
		}
	}
	t.listed = len(nodes)
	return nodes, t
}

// process reads a process; of a kernel thread nothing but stat. The error is gone
// where the process ended meanwhile.
func (r *processReader) process(e *entry) (process, error) {
	if e.known && e.stat.kernel {
		return process{stat: e.stat}, nil
	}
	name := r.kept.text(append(strconv.AppendInt(r.textBuf[:0], int64(e.pid), 10), end...))
	p := process{pid: name[:len(name)-len(end)]}
	dir, err := openProcess(r.proc, name, &r.read)
	if err != nil {
		return p, err
	}
	if !e.known {
		if err := r.learn(dir, e); err != nil {
			return p, err
		}
	}
	if p.stat = e.stat; p.stat.kernel {
		return p, nil
	}
	if r.buf, err = dir.content("status"+end, r.buf, maxStatus); err != nil {
		return p, err
	}
	if p.status, err = parseStatus(r.buf); err != nil {
		return p, fmt.Errorf("status: %w", err)
	}
	return p, r.texts(dir, &p)
}

// learn reads what a process keeps.
func (r *processReader) learn(dir processDir, e *entry) error {
	var err error
	if r.buf, err = dir.content("stat"+end, r.buf, maxStatus); err != nil {
		return err
	}
	s, err := parseStat(r.buf)
	if err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	e.learn(s, r.uptime)
	return nil
}

// texts reads what the process chose itself. A zombie has neither executable
// nor cwd, and those of another user may be withheld.
func (r *processReader) texts(dir processDir, p *process) error {
	line, err := dir.waitContent("cmdline"+end, r.textBuf[:0], len(r.textBuf))
	if err != nil {
		return err
	}
	p.arguments = r.kept.arguments(line)
	if path, err := dir.readlink("exe"+end, r.textBuf[:]); err == nil {
		p.executable = r.kept.text(path)
	}
	if path, err := dir.readlink("cwd"+end, r.textBuf[:]); err == nil {
		p.cwd = r.kept.text(path)
	}
	return nil
}

// processNodes are the nodes of one process.
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

// node makes of s the children in the order of krata's tree. PID 1 has no parent;
// an uptime of zero is one that could not be read.
func (p process) node(s *processNodes, uptime uint64) *Node {
	children := s.children[:0]
	if p.status.parent != 0 {
		children = append(children, s.number("parent", float64(p.status.parent), Integer))
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
	children = append(children, s.add("cmdline", Value{Kind: List, Text: p.arguments}, Unknown), &s.memory)
	if uptime > 0 {
		children = append(children, s.number("lifetime", float64(uptime-min(uptime, p.stat.start))/ticks, Duration))
	}
	children = append(children,
		s.number("uid", float64(p.status.uid), Integer), s.number("gid", float64(p.status.gid), Integer),
		s.number("euid", float64(p.status.euid), Integer), s.number("egid", float64(p.status.egid), Integer))
	s.root = Node{Name: p.pid, Children: children}
	return &s.root
}
