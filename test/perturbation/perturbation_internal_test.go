package perturbation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	// enoughBroken plans of one class and story are enough of a tally.
	enoughBroken = 2
	// mostStride is odd, because what begins a plan of A3 comes in pairs.
	mostStride = 7
)

var (
	hurry    = flag.Bool("hurry", false, "run two of eleven plans of the classes that have many")
	every    = flag.Int("every", 1, "run every so many plans of each class")
	tallying = flag.Bool("tally", false, "count the broken promises in one line of JSON, and explain none")
	enough   = flag.Int64("enough", 120, "play no more once so many plans have failed, in a tally")
	without  = flag.String("without", "", "a promise that is not judged")

	planned, failed atomic.Int64
	tally           = struct {
		sync.Mutex
		broken map[oracle]int
	}{broken: map[oracle]int{}}
)

func TestMain(m *testing.M) {
	flag.Parse()
	unjudged = oracle(*without)
	if *tallying {
		restingSlots /= 3
	}
	debug.SetGCPercent(400) // each plan leaves little behind: memory is cheaper here than time
	code := m.Run()
	if *tallying {
		line, err := json.Marshal(map[string]any{"plans": planned.Load(), "broken": tally.broken, "oracles": oracles})
		if err == nil {
			fmt.Printf("tally: %s\n", line)
		}
	}
	if planned.Load() > 0 {
		fmt.Printf("perturbation: %d plans, %d failed\n", planned.Load(), failed.Load())
	}
	os.Exit(code)
}

// Every generated plan of every class. A plan that fails is printed with the least part of it that fails too, and with the line that runs it again.
func TestPerturbation(t *testing.T) {
	counts := make([]atomic.Int64, len(classes))
	t.Run("plans", func(t *testing.T) {
		for at, s := range allStories() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				r := newReference(s)
				if *tallying {
					r.stride = min(*every, mostStride)
				}
				for n, c := range classes {
					t.Run(c.name, func(t *testing.T) {
						if r.broken && n > 0 || *tallying && failed.Load() >= *enough {
							return
						}
						broken := 0
						plans, step := c.plans(r), *every
						if c.strides {
							step /= r.stride
						}
						counts[n].Add(int64(len(plans)))
						for number, p := range plans {
							if number > 0 && c.leavesOut(number+at, step) || *tallying && (broken >= enoughBroken || failed.Load() >= *enough) {
								continue
							}
							t.Run(strconv.Itoa(number), func(t *testing.T) {
								if !run(t, r, c, p) {
									broken++
								}
							})
						}
					})
				}
			})
		}
	})
	for n, c := range classes {
		fmt.Printf("%s %-58s %6d plans\n", c.name, c.description, counts[n].Load())
	}
	if generated() {
		documentCounts(t, counts)
	}
}

// leavesOut says whether a plan is not played. Plans that are alike come in pairs and threes: two in a row of eleven meet each of them. Each story begins to
// count elsewhere; all play their first plan, which in A0 is the only one.
func (c class) leavesOut(number, step int) bool {
	return c.many && *hurry && number%11 > 1 || number%step != 0
}

func run(t *testing.T, r reference, c class, p plan) (kept bool) {
	t.Helper()
	planned.Add(1)
	_, broken := c.judge(r, p)
	if len(broken) == 0 {
		return true
	}
	failed.Add(1)
	if *tallying {
		tally.Lock()
		defer tally.Unlock()
		for _, f := range broken {
			tally.broken[f.oracle]++
		}
		return false
	}
	least, w := c.minimise(r, p)
	var path []string
	for part := range strings.SplitSeq(t.Name(), "/") {
		path = append(path, "^"+regexp.QuoteMeta(part)+"$")
	}
	t.Errorf("%s\n%s\nwhat happened: %v\nagain: go test ./test/perturbation -run '%s'", least, texts(broken), w.bus, strings.Join(path, "/"))
	return false
}

func texts(failures []failure) string {
	var lines []string
	for _, f := range failures {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}
