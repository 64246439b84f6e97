package perturbation

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
)

// What a process prints that panics at any of its effects, with the Secret, a token and a session in hand, shows none of them.
func TestAPanicShowsNoSecret(t *testing.T) {
	const variable = "PANIC_AT"
	// Every kind of effect, with a password that is refused, one that is right, and one that follows it.
	s := story{"a life", wrongPassword, []act{create(), user(good), rotate, edit(changeURL), remove}}
	if at, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		var nobody *world
		panics := disturbance{name: "panic", act: anyAct, somebody: func(*world) { nobody.changePassword("") }}
		play(s, plan{effects: map[int]disturbance{at: panics}}, nil)
		t.Fatal("it goes on")
	}
	undisturbed, _ := play(s, plan{}, nil)
	kinds := map[string]bool{}
	for n, e := range active(undisturbed.bus.trace, len(s.acts)) {
		kinds[e.kind] = true
		process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAPanicShowsNoSecret$")
		process.Env = append(os.Environ(), variable+"="+strconv.Itoa(n), "GOTRACEBACK=all")
		shown, err := process.CombinedOutput()
		if err == nil || !strings.Contains(string(shown), "nil pointer") {
			t.Fatalf("%s: no panic: %v\n%s", e, err, shown)
		}
		for _, form := range canary.Find(string(shown), undisturbed.secretsAsSent()...) {
			t.Errorf("%s: %s is shown", e, form)
		}
	}
	if len(kinds) != 9 {
		t.Errorf("it panics at no more than these: %v", kinds)
	}
}
