package fairqueue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"pgregory.net/rapid"
)

const low = -100

var start = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func namespaceOf(key string) string {
	namespace, _, _ := strings.Cut(key, "/")
	return namespace
}

// play carries out a script, and returns what was handed out. A step is +key to add, -key to add with low priority, +key@5 to add what is ready in
// five seconds, ^5 to let five seconds pass, !key for the end of its work, and > to ask what is next.
func play(workers int, script string) string {
	o, now := newOrder(workers, namespaceOf), start
	var out []string
	for step := range strings.FieldsSeq(script) {
		what, rest := step[0], step[1:]
		key, seconds, delayed := strings.Cut(rest, "@")
		var after int
		fmt.Sscan(seconds, &after) //nolint:errcheck // none means none
		switch what {
		case '+', '-':
			var at time.Time
			if delayed {
				at = now.Add(time.Duration(after) * time.Second)
			}
			o.add(key, map[byte]int{'+': 0, '-': low}[what], at)
		case '^':
			fmt.Sscan(rest, &after) //nolint:errcheck // of a test
			now = now.Add(time.Duration(after) * time.Second)
			o.promote(now)
		case '!':
			o.done(key)
		case '>':
			it, ok := o.next()
			if !ok {
				out = append(out, "none")
				continue
			}
			out = append(out, it.key)
			if it.priority == low {
				out[len(out)-1] += "(low)"
			}
		}
	}
	return strings.Join(out, " ")
}

func TestWhatIsNext(t *testing.T) {
	for name, test := range map[string]struct {
		workers      int
		script, next string
	}{
		"nothing":                               {8, "> >", "none none"},
		"in order":                              {8, "+a/1 +a/2 > > >", "a/1 a/2 none"},
		"once, however often it is added":       {8, "+a/1 +a/1 > !a/1 >", "a/1 none"},
		"not twice at once":                     {8, "+a/1 > +a/1 > !a/1 >", "a/1 none a/1"},
		"the higher priority first":             {8, "-a/1 +a/2 > >", "a/2 a/1(low)"},
		"raised":                                {8, "-a/1 -a/2 +a/2 > >", "a/2 a/1(low)"},
		"raised while it is worked on":          {8, "-a/1 > -a/1 +a/1 !a/1 -b/1 > >", "a/1(low) a/1 b/1(low)"},
		"not lowered":                           {8, "+a/1 -a/1 +b/1 > >", "a/1 b/1"},
		"namespaces take turns":                 {8, "+a/1 +a/2 +a/3 +b/1 +b/2 > > > > >", "a/1 b/1 a/2 b/2 a/3"},
		"at low priority too":                   {8, "-a/1 -a/2 -a/3 -b/1 > > > >", "a/1(low) b/1(low) a/2(low) a/3(low)"},
		"later":                                 {8, "+a/1@5 > ^4 > ^1 >", "none none a/1"},
		"the earlier time counts":               {8, "+a/1@5 +a/1@3 +a/1@9 ^3 >", "a/1"},
		"now counts":                            {8, "+a/1@5 +a/1 > ^5 >", "a/1 none"},
		"ready does not become later":           {8, "+a/1 +a/1@5 >", "a/1"},
		"due while it is worked on":             {8, "+a/1 > +a/1@5 ^5 > !a/1 >", "a/1 none a/1"},
		"delayed and raised":                    {8, "-a/1@5 +a/1@9 +b/1@5 -c/1 ^5 > > >", "a/1 b/1 c/1(low)"},
		"three quarters of the workers":         {4, "+a/1 +a/2 +a/3 +a/4 > > > > +b/1 > !a/2 >", "a/1 a/2 a/3 none b/1 a/4"},
		"one worker serves everybody":           {1, "+a/1 +a/2 > !a/1 >", "a/1 a/2"},
		"done twice is done once":               {4, "+a/1 +a/2 +a/3 +a/4 +a/5 > > > !a/1 !a/1 > >", "a/1 a/2 a/3 a/4 none"},
		"low priority has every fourth turn":    {99, "+a/1 +a/2 +a/3 +a/4 +a/5 +a/6 +a/7 -b/1 -b/2 > > > > > > > > >", "a/1 a/2 a/3 b/1(low) a/4 a/5 a/6 b/2(low) a/7"},
		"but not for what it may not hand out":  {4, "-a/1 -a/2 -a/3 -a/4 > > > +b/1 +b/2 +b/3 +b/4 +b/5 > > > !b/1 >", "a/1(low) a/2(low) a/3(low) b/1 b/2 b/3 b/4"},
		"turns that nobody needed are not kept": {99, "-b/1 > +a/1 +a/2 +a/3 +a/4 +a/5 > > > -b/2 > >", "b/1(low) a/1 a/2 a/3 a/4 a/5"},
	} {
		t.Run(name, func(t *testing.T) { NewWithT(t).Expect(play(test.workers, test.script)).To(Equal(test.next)) })
	}
}

// Nothing is lost, nothing is handed out twice at once, no namespace holds more than its share, and whoever waits is served after a bounded number of turns, whatever
// others add.
func TestNobodyIsStarved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 12).Draw(t, "workers")
		o, now := newOrder(workers, namespaceOf), start
		wanted := map[string]bool{} // added, and not handed out since
		running := []string{}
		waits := map[string]int{} // for how many turns of others
		key := func() string {
			return fmt.Sprintf("%s/%d", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "namespace"), rapid.IntRange(0, 5).Draw(t, "name"))
		}
		// Six keys of each of three namespaces at two priorities: the last of its line waits for 5 of its own, each of those for 2 others, and low priority
		// has one turn in four.
		const bound = 6 * 3 * (passesOver + 1) * 2
		for range rapid.IntRange(0, 400).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3:
				k, at := key(), time.Time{}
				if rapid.Bool().Draw(t, "later") {
					at = now.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "seconds")) * time.Second)
				}
				o.add(k, rapid.SampledFrom([]int{0, low}).Draw(t, "priority"), at)
				wanted[k] = true
			case 4:
				now = now.Add(time.Second)
				o.promote(now)
			case 5, 6, 7:
				it, ok := o.next()
				if !ok {
					continue
				}
				if slices.Contains(running, it.key) || !wanted[it.key] {
					t.Fatalf("%s is handed out, wanted: %v, running: %v", it.key, wanted[it.key], running)
				}
				if !it.readyAt.IsZero() || it.readyAt.After(now) {
					t.Fatalf("%s is handed out before its time", it.key)
				}
				running = append(running, it.key)
				delete(wanted, it.key)
				delete(waits, it.key)
				held := 0
				for _, k := range running {
					if namespaceOf(k) == namespaceOf(it.key) {
						held++
					}
				}
				if held > max(workers*3/4, 1) {
					t.Fatalf("%d of %d workers are held by one namespace", held, workers)
				}
				for k, waiting := range o.items {
					if waiting.place != nil && o.holding[namespaceOf(k)] < o.share {
						if waits[k]++; waits[k] > bound {
							t.Fatalf("%s has waited for %d turns", k, waits[k])
						}
					}
				}
			default:
				if len(running) > 0 {
					i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
					o.done(running[i])
					running = slices.Delete(running, i, i+1)
				}
			}
			if len(o.items) != len(wanted) {
				t.Fatalf("%d are kept, %d are wanted", len(o.items), len(wanted))
			}
		}
		// In the end everything that was wanted is handed out.
		o.promote(now.Add(time.Hour))
		for len(wanted) > 0 {
			for _, k := range running {
				o.done(k)
			}
			running = nil
			it, ok := o.next()
			if !ok {
				t.Fatalf("%v are lost", wanted)
			}
			delete(wanted, it.key)
			running = append(running, it.key)
		}
	})
}
