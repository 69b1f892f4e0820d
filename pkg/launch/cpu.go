package launch

import (
	"math"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/jsontok"
)

// What cpu.max takes, see the kernel's Documentation/admin-guide/cgroup-v2.rst
// and kernel/sched (min_cfs_quota_period, max_cfs_quota_period).
const (
	defaultPeriodMicros = 100_000
	minPeriodMicros     = 1_000
	maxPeriodMicros     = 1_000_000
	minQuotaMicros      = 1_000
	maxCPUs             = 1 << 20
)

func cpuMax(out *CPUMax) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		var v CPUMax
		var ok bool
		switch t := t.(type) {
		case jsontok.Number:
			v, ok = parseCPUs(t)
		case string:
			v, ok = parseCPUMax(t)
		}
		if !ok {
			return wrong(path, t, `not a number of CPUs such as 1.5, nor microseconds and period such as "150000 100000"`)
		}
		*out = v
		return nil
	}
}

func parseCPUs(n jsontok.Number) (CPUMax, bool) {
	cpus, err := strconv.ParseFloat(string(n), 64)
	if err != nil || !(cpus > 0 && cpus <= maxCPUs) {
		return CPUMax{}, false
	}
	v := CPUMax{QuotaMicros: uint64(math.Round(cpus * defaultPeriodMicros)), PeriodMicros: defaultPeriodMicros}
	return v, v.valid()
}

func parseCPUMax(s string) (CPUMax, bool) {
	quota, rest, hasPeriod := strings.Cut(s, " ")
	v := CPUMax{PeriodMicros: defaultPeriodMicros}
	var err error
	if hasPeriod {
		if v.PeriodMicros, err = strconv.ParseUint(rest, 10, 63); err != nil {
			return CPUMax{}, false
		}
	}
	if quota == "max" {
		v.QuotaMicros = minQuotaMicros
		return CPUMax{}, v.valid()
	}
	v.QuotaMicros, err = strconv.ParseUint(quota, 10, 63)
	return v, err == nil && v.valid()
}

func (c CPUMax) valid() bool {
	return c.QuotaMicros >= minQuotaMicros && c.QuotaMicros <= maxCPUs*maxPeriodMicros &&
		c.PeriodMicros >= minPeriodMicros && c.PeriodMicros <= maxPeriodMicros
}
