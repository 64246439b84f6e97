package turns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	"pgregory.net/rapid"

	"github.com/fota-callback-operator/fota-callback-operator/internal/turns"
)

func TestTurns(t *testing.T) {
	for name, test := range map[string]struct{ in, out, without string }{
		"nobody":                          {"", "", ""},
		"one line is first in, first out": {"a/x/1 a/x/2 a/x/3", "a/x/1 a/x/2 a/x/3", ""},
		"round robin by the first key":    {"a/x/1 a/x/2 a/x/3 b/x/1 c/x/1 c/x/2", "a/x/1 b/x/1 c/x/1 a/x/2 c/x/2 a/x/3", ""},
		"then by the second":              {"a/x/1 a/x/2 a/x/3 a/y/1 b/x/1 b/x/2", "a/x/1 b/x/1 a/y/1 b/x/2 a/x/2 a/x/3", ""},
		"many lines of one are one share": {"a/1/1 a/2/1 a/3/1 a/4/1 b/x/1 b/x/2", "a/1/1 b/x/1 a/2/1 b/x/2 a/3/1 a/4/1", ""},
		"who may not keeps the turn":      {"a/x/1 a/x/2 b/x/1 b/x/2", "b/x/1 b/x/2", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var q turns.Queue[string]
			var out []string
			for item := range strings.FieldsSeq(test.in) {
				keys := strings.Split(item, "/")
				q.Push(item, keys[0], keys[1])
			}
			for {
				item, ok := q.Pop(func(key string) bool { return key != test.without })
				if !ok {
					break
				}
				out = append(out, item)
			}
			g.Expect(strings.Join(out, " ")).To(Equal(test.out))
			g.Expect(q.Len()).To(Equal(strings.Count(test.in, test.without+"/") * min(len(test.without), 1)))
		})
	}
}

func TestWhoLeavesIsNotMissed(t *testing.T) {
	g := NewWithT(t)
	var q turns.Queue[int]
	first, second, third := q.Push(1, "a"), q.Push(2, "a"), q.Push(3, "b")
	q.Remove(first)
	q.Remove(third)
	g.Expect(q.Len()).To(Equal(1))
	q.Remove(second)
	_, ok := q.Pop(nil)
	g.Expect(ok).To(BeFalse())
	q.Push(4, "b")
	item, _ := q.Pop(nil)
	g.Expect(item).To(Equal(4))
}

// Nothing is lost and nothing comes twice; in between two turns of one key each other key that waits has one.
func TestEverybodyHasTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q turns.Queue[string]
		waiting := map[string][]string{} // by first key
		places := map[string]*turns.Place[string]{}
		since := map[string]int{} // turns of others since the key's own
		for n := range rapid.IntRange(0, 200).Draw(t, "steps") {
			key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0, 1:
				item := fmt.Sprintf("%s/%d", key, n)
				places[item] = q.Push(item, key, rapid.SampledFrom([]string{"x", "y"}).Draw(t, "second"))
				if len(waiting[key]) == 0 {
					since[key] = 0
				}
				waiting[key] = append(waiting[key], item)
			case 2:
				if len(waiting[key]) > 0 {
					q.Remove(places[waiting[key][0]])
					waiting[key] = waiting[key][1:]
				}
			default:
				item, ok := q.Pop(nil)
				if ok != (len(waiting["a"])+len(waiting["b"])+len(waiting["c"]) > 0) {
					t.Fatalf("an item: %v, and there are %v", ok, waiting)
				}
				if !ok {
					continue
				}
				of := item[:1]
				at := slices.Index(waiting[of], item)
				if at < 0 {
					t.Fatalf("%s is not in the queue", item)
				}
				waiting[of] = slices.Delete(waiting[of], at, at+1)
				for other := range waiting {
					since[other]++
				}
				since[of] = 0
				for other, left := range waiting {
					if len(left) > 0 && since[other] > 2 {
						t.Fatalf("%s waits for %d turns of others", other, since[other])
					}
				}
			}
			if all := len(waiting["a"]) + len(waiting["b"]) + len(waiting["c"]); q.Len() != all {
				t.Fatalf("Len is %d of %d", q.Len(), all)
			}
		}
	})
}
