package perturbation

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
)

// What a process prints that panics inside a call, with the Secret in hand, shows none of it.
func TestAPanicShowsNoSecret(t *testing.T) {
	const variable = "PANIC_AT"
	if at, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		var nobody *world
		panics := disturbance{name: "panic", act: anyAct, somebody: func(*world) { nobody.changePassword("") }}
		play(stories[0], plan{effects: map[int]disturbance{at: panics}}, nil)
		t.Fatal("it goes on")
	}
	for n, e := range newReference(stories[0]).trace {
		if e.ofKubernetes() {
			continue
		}
		process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanicShowsNoSecret$")
		process.Env = append(os.Environ(), variable+"="+strconv.Itoa(n), "GOTRACEBACK=all")
		shown, err := process.CombinedOutput()
		if err == nil || !strings.Contains(string(shown), "nil pointer") {
			t.Fatalf("%s: no panic: %v\n%s", e, err, shown)
		}
		for _, form := range canary.Find(string(shown), clientSecret, password) {
			t.Errorf("%s: %s is shown", e, form)
		}
	}
}
