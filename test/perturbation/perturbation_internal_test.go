package perturbation

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

var planned, failed atomic.Int64

func TestMain(m *testing.M) {
	code := m.Run()
	if planned.Load() > 0 {
		fmt.Printf("perturbation: %d plans, %d failed\n", planned.Load(), failed.Load())
	}
	os.Exit(code)
}

// Every generated plan of every class. A plan that fails is printed with the least part of it that fails too, and with the line that runs it again.
func TestPerturbation(t *testing.T) {
	counts := make([]atomic.Int64, len(classes))
	t.Run("plans", func(t *testing.T) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				r := newReference(s)
				for n, c := range classes {
					t.Run(c.name, func(t *testing.T) {
						for number, p := range c.plans(r) {
							counts[n].Add(1)
							t.Run(strconv.Itoa(number), func(t *testing.T) { run(t, r, c, p) })
						}
					})
				}
			})
		}
	})
	for n, c := range classes {
		fmt.Printf("%s %-44s %6d plans\n", c.name, c.description, counts[n].Load())
	}
}

func run(t *testing.T, r reference, c class, p plan) {
	t.Helper()
	planned.Add(1)
	_, broken := c.judge(r, p)
	if len(broken) == 0 {
		return
	}
	failed.Add(1)
	least, w := c.minimise(r, p)
	var path []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	t.Errorf("%s\n%s\nwhat happened: %v\nagain: go test ./test/perturbation -run '%s'", least, texts(broken), w.bus, strings.Join(path, "/"))
}

func texts(failures []failure) string {
	var lines []string
	for _, f := range failures {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}
