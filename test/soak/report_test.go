package soak_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// causes are why the soak failed. They are said last, where whoever looks at a long output looks first.
var causes []string

// wrong notes something that must not be, and goes on.
func wrongf(t *testing.T, format string, args ...any) {
	t.Helper()
	if cause := fmt.Sprintf(format, args...); !slices.Contains(causes, cause) {
		causes = append(causes, cause)
	}
	t.Fail()
}

// expect asserts what nothing goes on without.
func expect(t *testing.T) Gomega {
	t.Helper()
	return NewGomega(func(message string, _ ...int) {
		t.Helper()
		wrongf(t, "%s", message)
		t.FailNow()
	})
}

// reports says at the end why the soak failed, after what the operators said last.
func reports(t *testing.T, happened ...fmt.Stringer) {
	t.Helper()
	text, err := os.ReadFile(set.OperatorLog())
	if err == nil && *whole != "" {
		err = os.WriteFile(*whole, text, 0o600)
	}
	t.Logf("what happened: %s", happened)
	if !t.Failed() {
		return
	}
	t.Logf("the operators' log (whole: %q, %v) ends:\n%s", *whole, err, short(string(text), 12, 300))
	t.Logf("FAILED with seed %d:\n%s", *seed, short(strings.Join(causes, "\n"), 25, 400))
}

// short is the end of a text: so many lines of so many characters.
func short(text string, lines, characters int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	all = all[max(0, len(all)-lines):]
	for i, line := range all {
		all[i] = line[:min(len(line), characters)]
	}
	return strings.Join(all, "\n")
}

func join(counts map[string]int) string {
	var parts []string
	for what, count := range counts {
		parts = append(parts, fmt.Sprintf("%d × %s", count, what))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
