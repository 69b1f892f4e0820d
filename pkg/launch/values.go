package launch

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/jsontok"
)

// Each function here returns the reader of one kind of value into its argument.

func text(out *string) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		s, ok := t.(string)
		if !ok {
			return wrong(path, t, "not a string")
		}
		*out = s
		return nil
	}
}

func (d *decoder) textList(out *[]string) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		*out = []string{}
		return d.eachElement(path, t, func(path string, t jsontok.Token) error {
			var s string
			err := text(&s)(path, t)
			*out = append(*out, s)
			return err
		})
	}
}

func (d *decoder) textMap(out *map[string]string) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		*out = map[string]string{}
		return d.eachMember(path, t, func(name string, t jsontok.Token) error {
			if _, ok := (*out)[name]; ok {
				d.warn(join(path, name), "given twice, the last one counts")
			}
			var s string
			err := text(&s)(join(path, name), t)
			(*out)[name] = s
			return err
		})
	}
}

func prefix(out *netip.Prefix) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		var s string
		if err := text(&s)(path, t); err != nil {
			return err
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return wrong(path, s, "not an address with a prefix length, such as 10.0.0.2/24 or fd00::2/64")
		}
		*out = p
		return nil
	}
}

func address(out *netip.Addr) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		var s string
		if err := text(&s)(path, t); err != nil {
			return err
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return wrong(path, s, "not an IP address")
		}
		*out = a
		return nil
	}
}

func (d *decoder) addressList(out *[]netip.Addr) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		*out = []netip.Addr{}
		return d.eachElement(path, t, func(path string, t jsontok.Token) error {
			var a netip.Addr
			err := address(&a)(path, t)
			*out = append(*out, a)
			return err
		})
	}
}

func mac(out *string) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		var s string
		err := text(&s)(path, t)
		*out = strings.ToLower(strings.ReplaceAll(s, "-", ":"))
		return err
	}
}

func mtu(out *int) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		n, ok := t.(jsontok.Number)
		v, err := strconv.Atoi(string(n))
		if !ok || err != nil || v < minMTU || v > maxMTU {
			return wrong(path, t, fmt.Sprintf("not a number of bytes from %d to %d", minMTU, maxMTU))
		}
		*out = v
		return nil
	}
}

func seconds(out **float64) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		n, ok := t.(jsontok.Number)
		v, err := strconv.ParseFloat(string(n), 64)
		if !ok || err != nil || !validGrace(v) {
			return wrong(path, t, fmt.Sprintf("not a number of seconds from 0 to %d", maxGraceSeconds))
		}
		*out = &v
		return nil
	}
}

func count(out *uint64) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		if t == "max" {
			*out = 0
			return nil
		}
		n, ok := t.(jsontok.Number)
		v, err := strconv.ParseUint(string(n), 10, 63)
		if !ok || err != nil || v == 0 {
			return wrong(path, t, `not a whole number above 0, or "max"`)
		}
		*out = v
		return nil
	}
}

// size reads bytes, as a number or with a suffix that is a power of 1024.
func size(out *uint64) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		const problem = `not a number of bytes, a string such as "512M" (K, M, G, T), or "max"`
		s, isText := t.(string)
		if !isText {
			n, _ := t.(jsontok.Number)
			s = string(n)
		}
		if isText && s == "max" {
			*out = 0
			return nil
		}
		shift := 0
		if isText && s != "" {
			shift = 10 * (1 + strings.IndexByte("KMGT", s[len(s)-1]))
		}
		if shift > 0 {
			s = s[:len(s)-1]
		}
		v, err := strconv.ParseUint(s, 10, 63)
		if err != nil || v == 0 || v > math.MaxInt64>>shift {
			return wrong(path, t, problem)
		}
		*out = v << shift
		return nil
	}
}

func rlimitType(out *string) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		var s string
		err := text(&s)(path, t)
		s = strings.ToUpper(s)
		if !strings.HasPrefix(s, "RLIMIT_") {
			s = "RLIMIT_" + s
		}
		*out = s
		return err
	}
}

func limitValue(out *uint64) func(string, jsontok.Token) error {
	return func(path string, t jsontok.Token) error {
		if t == "unlimited" {
			*out = Unlimited
			return nil
		}
		n, ok := t.(jsontok.Number)
		v, err := strconv.ParseUint(string(n), 10, 64)
		if !ok || err != nil {
			return wrong(path, t, `not a whole number, or "unlimited"`)
		}
		*out = v
		return nil
	}
}
