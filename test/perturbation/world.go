package perturbation

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// world is one run: both sides, the clock, and the process that may crash.
type world struct {
	clock  *clocktesting.FakeClock
	bus    *bus
	kube   *kube
	far    *simulator.Simulator
	leader *replica

	// act is the one that is being played; pending are those that are still to come.
	act     int
	pending []act

	// disturbedByOthers says that the two sides may differ in this act, through no fault of the operator: what it does is judged by what it
	// could know.
	disturbedByOthers bool
	// strangers says that somebody else has registered something, maybe what was ours.
	strangers    bool
	deregistered map[string]bool
	// asks is what came of the lists of each object.
	asks map[types.UID]asks
	// sentAt is when a URL was last sent for an account.
	sentAt map[string]time.Time
	// password is the user's at the far side.
	password string
	// denied says that the far side lets nobody work on the account.
	denied bool
	// rewrites says that the far side puts a slash at the end of each URL.
	rewrites  bool
	mutations int
	// excused are mutating calls that are not missed by an operator without fault: those of an old leader, and a deregistration that could not
	// wait for its successor.
	excused int
	logins  userLogins
	// shown is what the operator lets people see in logs, events, errors and metrics; written is what it has written to objects.
	shown, written strings.Builder
	alreadyShown   map[string]bool
	secrets        []string
	failures       []failure
}

// asks says that an object has listed its account, and when ThingSpace first said what is registered.
type asks struct {
	asked    bool
	answered time.Time
}

// hasAsked notes what the object that a process works on was answered.
func (w *world) hasAsked(object types.NamespacedName, code int, body []byte) {
	o, ok := w.kube.objects[object]
	if !ok {
		return
	}
	all := w.asks[o.UID]
	if all.asked = true; all.answered.IsZero() && code == http.StatusOK && (len(body) == 0 || json.Valid(body)) {
		all.answered = w.clock.Now()
	}
	w.asks[o.UID] = all
}

func newWorld(p plan) *world {
	w := &world{
		clock: clocktesting.NewFakeClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), bus: &bus{plan: p},
		deregistered: map[string]bool{}, sentAt: map[string]time.Time{}, asks: map[types.UID]asks{}, alreadyShown: map[string]bool{}, logins: userLogins{proven: map[string]bool{}},
		secrets: []string{clientSecret}, password: password,
	}
	w.kube = newKube(w)
	w.far = simulator.New(w.farOptions())
	w.leader = w.newReplica()
	return w
}

func (w *world) farOptions() simulator.Options {
	return simulator.Options{Clock: w.clock, ClientSecret: clientSecret, Password: password}
}

// restart is a new process after a crash.
func (w *world) restart() {
	w.showMetrics()
	w.ended()
	w.clock.Step(time.Second) // no process starts in no time
	w.leader = w.newReplica()
}

func (w *world) showMetrics() {
	families, err := w.leader.metrics.Gather()
	if err != nil {
		w.failf(oracleSecrets, "metrics can't be read: %v", err)
	}
	for _, family := range families {
		w.show(family.String())
	}
}

// show keeps something that the operator shows; what it shows again and again, once.
func (w *world) show(texts ...string) {
	for _, text := range texts {
		if w.alreadyShown[text] {
			continue
		}
		w.alreadyShown[text] = true
		w.shown.WriteString(text)
		w.shown.WriteByte('\n')
	}
}

// No time between two acts takes as many effects or reads as this.
const (
	mostEffects = 300
	mostReads   = 2_000
)

// mostLag is after how long a cache catches up, however little happens.
const mostLag = time.Minute

// settle lets the operator work for a while, as whatever becomes due then.
func (w *world) settle(length time.Duration) {
	end := w.clock.Now().Add(length)
	effects, reads := len(w.bus.trace)+mostEffects, len(w.bus.reads)+mostReads
	for len(w.bus.trace) < effects && len(w.bus.reads) < reads {
		w.round()
		next, ever := w.leader.nextWake()
		if catchesUp := w.bus.lagsSince.Add(mostLag); w.leader.lags() && (!ever || catchesUp.Before(next)) {
			next, ever = catchesUp, true
		}
		if !ever || !next.Before(end) {
			w.clock.SetTime(end)
			return
		}
		if next.After(w.clock.Now()) {
			w.clock.SetTime(next)
		}
	}
	w.failf(oracleSettles, "it does not settle")
	w.clock.SetTime(end)
}

// round lets the operator work on whatever it is woken for, until nothing wakes it any more at this point in time.
func (w *world) round() {
	w.leader.resync()
	if w.leader.settles() {
		w.restart()
	}
	for range 50 {
		names := w.leader.due()
		if len(names) == 0 {
			return
		}
		if slices.ContainsFunc(names, w.leader.reconcile) {
			w.restart()
		}
	}
	w.failf(oracleSettles, "it works without end at one point in time")
}

// outcome is what counts in the end.
func (w *world) outcome() string {
	var lines []string
	for account, url := range w.far.Registrations() {
		lines = append(lines, "far "+account+" = "+w.asInSpec(url))
	}
	for _, o := range sorted(w.kube.objects) {
		if !w.hasAccess(o) {
			continue // what becomes of a stranger's object is no promise
		}
		lines = append(lines, fmt.Sprintf("object %s %v handled=%t registered=%s echoed=%s remote=%s replaced=%s finalizers=%v intent=%s",
			o.Name, conditionsOf(o), rules.Handled(o), o.Status.RegisteredURL, o.Status.EchoedURL, w.asInSpec(o.Status.RemoteURL), o.Status.ReplacedURL,
			o.Finalizers, rules.LastSentURL(o)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func conditionsOf(o *v1alpha1.FotaCallback) []string {
	var conditions []string
	for _, c := range o.Status.Conditions {
		conditions = append(conditions, c.Type+"="+string(c.Status)+" "+c.Reason)
	}
	slices.Sort(conditions)
	return conditions
}

// conditions are those of all objects.
func (w *world) conditions() string {
	var all []string
	for _, o := range sorted(w.kube.objects) {
		all = append(all, fmt.Sprintf("%s %v", o.Name, conditionsOf(o)))
	}
	return strings.Join(all, ", ")
}

// asInSpec is a URL as an object's spec writes it: there are several ways to write one.
func (w *world) asInSpec(url string) string {
	for _, o := range sorted(w.kube.objects) {
		if w.same(url, o.Spec.URL) {
			return o.Spec.URL
		}
	}
	return url
}
