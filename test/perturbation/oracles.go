package perturbation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// oracle names a promise that every run is held to.
type oracle string

const (
	oracleClaim      oracle = "claimed first"      // nothing changes at the far side before finalizer and intent are there
	oracleProof      oracle = "proved first"       // each change stands behind a live read or a patch that nothing has come between
	oracleRelease    oracle = "released when gone" // the finalizer goes only after proved absence, hand-over, a foreign URL, or Retain
	oracleReady      oracle = "Ready is true"      // Ready at generation g means that the far side holds spec(g)
	oracleGeneration oracle = "observed"           // observedGeneration never passes generation
	oracleHandsOff   oracle = "hands off"          // nothing happens to the account of a suspended object, or of one that does not own it
	oracleOurs       oracle = "only ours"          // never a DELETE of a URL that is not ours
	oracleTold       oracle = "only as told"       // a foreign URL is replaced only where a policy says so
	oracleGap        oracle = "no gap"             // never a DELETE and then a POST on an account that is wanted
	oracleUndoable   oracle = "can be undone"      // a foreign URL is on record before it is replaced
	oraclePrompt     oracle = "at once"            // what people do is taken up at once
	oracleWaits      oracle = "waits when asked"   // no call before the end of a Retry-After
	oracleLogins     oracle = "logins"             // no login that could help to lock a user out
	oracleOneHost    oracle = "one host"           // no request to any host but the configured one
	oracleSecrets    oracle = "nothing secret"     // no secret in any output
	oracleVersion    oracle = "no blind write"     // every write carries the version that it was decided on
	oracleIdleWrite  oracle = "no empty write"     // no write that changes nothing
	oracleConditions oracle = "conditions"         // never Reconciling with Stalled
	oracleSettles    oracle = "settles"            // work comes to an end
	oracleRest       oracle = "stays"              // once it matches, many slots bring no write and no mutating call
	oracleEnd        oracle = "as wished"          // in the end both sides are what the specs say
	oracleReference  oracle = "as undisturbed"     // in the end all is what it is without the disturbance
	oracleLeastCalls oracle = "no call too many"   // no more mutating calls than undisturbed
	oracleOwnWrites  oracle = "own writes known"   // what it wrote itself it need not see in its cache: no call is made for want of that
)

var oracles = []oracle{
	oracleClaim, oracleProof, oracleRelease, oracleReady, oracleGeneration, oracleHandsOff, oracleOurs, oracleTold, oracleGap, oracleUndoable, oraclePrompt, oracleWaits,
	oracleLogins, oracleOneHost, oracleSecrets, oracleVersion, oracleIdleWrite, oracleConditions, oracleSettles, oracleRest, oracleEnd, oracleReference, oracleLeastCalls,
	oracleOwnWrites,
}

// failure is a promise that was not kept.
type failure struct {
	oracle oracle
	text   string
}

func (f failure) String() string { return fmt.Sprintf("%s: %s", f.oracle, f.text) }

// unjudged is a promise that this run leaves alone.
var unjudged oracle

func (w *world) failf(broken oracle, format string, args ...any) {
	if broken == unjudged {
		return
	}
	w.failures = append(w.failures, failure{broken, fmt.Sprintf(format, args...)})
}

const (
	// proofServes is how long a proof is good for.
	proofServes = 5 * time.Second
	// longestBackoff is by when whatever has failed is tried again.
	longestBackoff = 5 * time.Minute
)

// known is what both sides hold of an account, as far as a process can be expected to know: where others have a hand in it, at its last proof and list.
func (w *world) known(by *replica, account string) (near []*v1alpha1.FotaCallback, far string) {
	if w.disturbedByOthers {
		return naming(account, w.kube.at(by.proof)), by.listed[account]
	}
	return naming(account, w.kube.objects), w.far.Registered(account)
}

func naming(account string, all objects) []*v1alpha1.FotaCallback {
	return slices.DeleteFunc(sorted(all), func(o *v1alpha1.FotaCallback) bool { return o.Spec.Account != account })
}

// seen is what Kubernetes holds, or where others have a hand in it, what it held at the last look into a cache.
func (w *world) seen() objects {
	if w.disturbedByOthers && len(w.bus.reads) > 0 {
		return w.kube.at(w.bus.reads[len(w.bus.reads)-1].revisions)
	}
	return w.kube.objects
}

// judgeBefore judges a change at the far side by what both sides hold at that moment.
func (w *world) judgeBefore(e effect) {
	if !e.mutatesFarSide() {
		return
	}
	if e.by.provedAt.IsZero() || w.clock.Since(e.by.provedAt) > proofServes {
		w.failf(oracleProof, "%s without a proof that is still good", e)
	}
	near, url := w.known(e.by, e.what)
	var live, leaving []*v1alpha1.FotaCallback
	for _, o := range near {
		switch {
		case deleting(o):
			leaving = append(leaving, o)
		case !o.Spec.Suspend:
			live = append(live, o)
		}
	}
	if len(live)+len(leaving) == 0 {
		w.failf(oracleHandsOff, "%s although every object of the account is suspended or gone", e)
		return
	}
	if e.kind == "deregister" {
		w.judgeDeregistration(e, url, live, leaving)
		return
	}
	w.sentAt[e.what] = w.clock.Now()
	isClaimed, undoable, told := false, url != foreign, url == ""
	for _, o := range live {
		if !claimed(o) || intent(o) != o.Spec.URL || e.url != o.Spec.URL {
			continue
		}
		isClaimed = true
		if !w.disturbedByOthers && w.stepsOver(o, near) {
			w.failf(oracleHandsOff, "%s by %s, which does not own the account", e, o.Name)
		}
		undoable = undoable || status(o).ReplacedURL == url
		told = told || w.sentLately(o, url) || status(o).RegisteredURL != "" && corrects(o) || status(o).RegisteredURL == "" && overwrites(o) ||
			slices.ContainsFunc(leaving, func(l *v1alpha1.FotaCallback) bool { return w.inherits(o, l, url) })
	}
	if !isClaimed {
		w.failf(oracleClaim, "%s of %s, which no object has claimed", e, e.url)
	}
	if !undoable {
		w.failf(oracleUndoable, "%s over %s, which is nowhere on record", e, url)
	}
	if isClaimed && !told {
		w.failf(oracleTold, "%s over %s, which the policies leave alone", e, url)
	}
	if w.deregistered[e.what] && len(leaving) == 0 {
		w.failf(oracleGap, "%s after a deregistration on an account that was never let go", e)
	}
}

func (w *world) judgeDeregistration(e effect, url string, live, leaving []*v1alpha1.FotaCallback) {
	ours := url == ""
	for _, o := range leaving {
		ours = ours || w.sentLately(o, url) && !retains(o)
	}
	if url == "" {
		w.excused++ // a listing may not show yet what was sent
	}
	switch {
	case url == "" && w.clock.Since(w.sentAt[e.what]) >= lagging:
		w.failf(oracleOurs, "%s although nothing is there, and nothing was sent for long", e)
	case len(leaving) == 0:
		w.failf(oracleHandsOff, "%s although nothing is being deleted", e)
	case !ours:
		w.failf(oracleOurs, "%s of %s, which no object that is being deleted has sent", e, url)
	}
	w.deregistered[e.what] = slices.ContainsFunc(live, func(o *v1alpha1.FotaCallback) bool { return w.maySucceed(o, leaving) })
	if len(live) > 0 {
		w.excused += 2 // and what is registered once the other one can; a gap is judged for itself
	}
}

// maySucceed reports whether a deletion has to wait for an object to take over: for two minutes from when ThingSpace first answers it, or where it has not asked,
// from when it is next; and for fifteen in all.
func (w *world) maySucceed(o *v1alpha1.FotaCallback, leaving []*v1alpha1.FotaCallback) bool {
	if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionStalled) && reason(o) != v1alpha1.ReasonAccountConflict ||
		reason(o) == v1alpha1.ReasonCredentialsNotFound {
		return false
	}
	within := func(patience time.Duration) bool {
		since := w.clock.Now().Add(-patience)
		return slices.ContainsFunc(leaving, func(l *v1alpha1.FotaCallback) bool { return l.DeletionTimestamp.After(since) })
	}
	const shortly, inAll = 2 * time.Minute, 15 * time.Minute
	switch asks := w.asks[o.UID]; {
	case !within(inAll):
		return false
	case !asks.answered.IsZero():
		if status(o).ListedGeneration != o.Generation && w.clock.Since(asks.answered) >= time.Minute {
			return false // what can't be recorded does not count for longer: it is not next any more
		}
		return w.clock.Since(asks.answered) < shortly
	case asks.asked && w.bus.plan.undisturbed(): // disturbed, it may be unable to ask again
		return true
	}
	return w.clock.Since(o.CreationTimestamp.Time) < shortly || within(shortly)
}

// judgeAfter counts what an effect has changed at the far side, and judges what must not change in passing.
func (w *world) judgeAfter(e effect, before map[string]string) {
	if e.mutatesFarSide() {
		if !e.by.inVain {
			w.mutations++
			e.by.mutations++
		}
		before[e.what] = w.far.Registered(e.what) // its own account, and no other
	}
	after := w.far.Registrations()
	maps.DeleteFunc(before, func(_, url string) bool { return url == "" })
	if !maps.Equal(before, after) {
		w.failf(oracleHandsOff, "%s has changed %v to %v", e, before, after)
	}
}

// judgeWrite judges a write to an object.
func (w *world) judgeWrite(by *replica, before, after *v1alpha1.FotaCallback) {
	reconciling := meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionReconciling)
	stalled := meta.IsStatusConditionTrue(after.Status.Conditions, v1alpha1.ConditionStalled)
	if reconciling && stalled {
		w.failf(oracleConditions, "%s is Reconciling and Stalled", after.Name)
	}
	if after.Status.ObservedGeneration > after.Generation {
		w.failf(oracleGeneration, "%s has observed a generation that is not there yet", after.Name)
	}
	account := after.Spec.Account
	_, far := w.known(by, account)
	if claimsReady(after) && !claimsReady(before) && !w.same(far, after.Spec.URL) {
		w.failf(oracleReady, "%s says that it is registered, but the far side holds %q", after.Name, far)
	}
	if !claimed(before) || claimed(after) || retains(after) || !w.sent(before, far) {
		return
	}
	if next := owner(naming(account, w.seen())); next == nil || status(next).RegisteredURL == "" && !w.same(far, next.Spec.URL) {
		w.failf(oracleRelease, "%s is let go although the far side still holds its URL, and nobody has taken it over", after.Name)
	}
}

func claimsReady(o *v1alpha1.FotaCallback) bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) && o.Status.ObservedGeneration == o.Generation
}
