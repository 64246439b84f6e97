package rules

import (
	"errors"
	"slices"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Action is one thing that a pass can do.
type Action string

// The actions. Rest ends a pass; after each of the others the facts are judged anew.
const (
	// Rest: nothing (more) to do; Step.Reason says how things stand.
	Rest Action = "Rest"
	// List asks ThingSpace what is registered.
	List Action = "List"
	// Survey reads past the cache who else names the account.
	Survey Action = "Survey"
	// Record writes Step.Registered (with Step.Echoed) and Step.Replaced into status, ahead of an effect that would lose them.
	Record Action = "Record"
	// Claim writes finalizer and intent where the URL is in place already.
	Claim Action = "Claim"
	// Restore puts a claim back that somebody has stripped from an object which has registered: it ends the reconciliation.
	Restore Action = "Restore"
	// Register registers spec.url where nothing is registered.
	Register Action = "Register"
	// Update replaces what is registered by spec.url.
	Update Action = "Update"
	// Deregister removes the registration.
	Deregister Action = "Deregister"
	// Release takes the finalizer off: there is nothing left to undo.
	Release Action = "Release"
)

// Step is a decision.
type Step struct {
	// Action is what to do.
	Action Action
	// Claims says that finalizer and intent have to be written first; that write then proves the call (rule 4).
	Claims bool
	// Reason is what Ready says, for Rest.
	Reason string
	// Wait is until when a Rest waits, where that is known beforehand.
	Wait time.Time
	// Registered, with Echoed, and Replaced are what Record writes; where Registered or Replaced is empty it leaves the field alone.
	Registered, Echoed, Replaced string
	// Event is what to tell once the step is applied; empty for nothing.
	Event string
	// Foreign is the URL that somebody else had registered, where the step is about one.
	Foreign string
}

// Decide says what comes next. What could take a registration from another object is not decided on a cache, which may lag behind: there the
// account's objects are surveyed first.
func Decide(f Facts) Step {
	step := decide(f)
	if step.concernsOthers(f.Object) && !f.Surveyed {
		return Step{Action: Survey}
	}
	return step
}

// concernsOthers reports whether a step replaces a URL that this object did not send, or leaves the account without one,
// or comes from an object that others may have gone before.
func (s Step) concernsOthers(o *v1alpha1.FotaCallback) bool {
	switch s.Action {
	case Register:
		return o.Status.RegisteredURL == "" && o.Status.ObservedGeneration >= 0
	case Record:
		return s.Replaced != ""
	case Update:
		return s.Foreign != ""
	case Deregister:
		return true
	default:
		return false
	}
}

func decide(f Facts) Step {
	o := f.Object
	if Deleting(o) {
		return decideDeletion(f)
	}
	switch {
	case f.claimIsLost():
		return Step{Action: Restore}
	case o.Spec.Suspend:
		return rest(v1alpha1.ReasonSuspended)
	case CheckSpec(&o.Spec) != nil:
		return rest(v1alpha1.ReasonInvalidSpec)
	case f.Standing.Place == Behind && !f.hasItsTurn():
		return rest(v1alpha1.ReasonAccountConflict)
	case f.Err != nil:
		return rest(reasonOf(f.Err))
	case f.Listing == nil:
		return Step{Action: List}
	case f.Standing.Place != Owner:
		return rest(v1alpha1.ReasonAccountConflict)
	case f.did(Register, Update):
		return rest(v1alpha1.ReasonRegistered)
	}
	return decideOwner(f)
}

// claimIsLost reports whether the owner of a registration does not carry its claim: kubectl replace, helm --force or a
// restore has stripped it, and a deletion would leave the registration behind.
func (f *Facts) claimIsLost() bool {
	return f.Standing.Place == Owner && f.Object.Status.RegisteredURL != "" && !Claimed(f.Object)
}

// turnComesAfter is how long an object waits for one that goes before it and has not listed the account yet.
const turnComesAfter = time.Minute

// hasItsTurn reports whether an object that stands behind another lists the account all the same: nobody keeps others
// out by mere age.
func (f *Facts) hasItsTurn() bool {
	return f.Standing.FirstClass == ClassUntried && !f.Now.Before(f.turnComes())
}

func (f *Facts) turnComes() time.Time { return f.Memory.FirstSeen.Add(turnComesAfter) }

// decideOwner knows what is registered, and that this object has the say.
func decideOwner(f Facts) Step {
	o, live := f.Object, f.Listing.URL
	claims := !HasFinalizer(o) || LastSentURL(o) != o.Spec.URL
	switch {
	case live == "":
		return Step{Action: Register, Claims: claims, Event: registerEvent(o)}
	case InSync(o, live):
		if claims {
			return recordedFirst(o, live, Step{Action: Claim, Claims: true, Event: claimEvent(o)})
		}
		return rest(v1alpha1.ReasonRegistered)
	case f.ours(live):
		return recordedFirst(o, live, Step{Action: Update, Claims: claims, Event: v1alpha1.EventUpdated})
	case o.Status.RegisteredURL != "" && !o.Spec.CorrectsDrift():
		return Step{Action: Rest, Reason: v1alpha1.ReasonDrifted, Foreign: live}
	case o.Status.RegisteredURL == "" && !o.Spec.Overwrites():
		return Step{Action: Rest, Reason: v1alpha1.ReasonExistingRegistration, Foreign: live}
	}
	update := Step{Action: Update, Claims: claims, Foreign: live, Event: v1alpha1.EventDriftCorrected}
	if o.Status.RegisteredURL == "" {
		update.Event = v1alpha1.EventRegistered
	}
	// What is replaced is written down before it is: a crash in between must not lose it.
	if o.Status.ReplacedURL != live {
		return Step{Action: Record, Replaced: live}
	}
	return update
}

// recordedFirst puts a Record in front of a step that would overwrite the only trace of a registration being ours.
func recordedFirst(o *v1alpha1.FotaCallback, live string, step Step) Step {
	sent := LastSentURL(o)
	if !step.Claims || sent == o.Spec.URL || recorded(o, live) || !sentLast(o, live) {
		return step
	}
	record := Step{Action: Record, Registered: sent}
	if !thingspace.EqualURLs(live, sent) {
		record.Echoed = live
	}
	return record
}

// registerEvent is what a registration is called where nothing was there.
func registerEvent(o *v1alpha1.FotaCallback) string {
	if o.Status.RegisteredURL == o.Spec.URL {
		return v1alpha1.EventDriftCorrected // somebody had removed it
	}
	return v1alpha1.EventRegistered
}

// claimEvent is what a claim is called: putting back what was stripped from an object that had registered is no news.
func claimEvent(o *v1alpha1.FotaCallback) string {
	if o.Status.RegisteredURL == "" && LastSentURL(o) == "" {
		return v1alpha1.EventAdopted
	}
	return ""
}

// InSync says whether what is registered is what spec says (rule 2).
func InSync(o *v1alpha1.FotaCallback, live string) bool {
	return thingspace.EqualURLs(live, o.Spec.URL) ||
		o.Status.EchoedURL != "" && thingspace.EqualURLs(live, o.Status.EchoedURL) && o.Status.RegisteredURL == o.Spec.URL
}

// ours reports whether what is registered was sent by this object (rule 2), or by one that is being deleted and waits for
// it. An intent is what somebody may have written who can edit that object: it counts within its namespace alone.
func (f *Facts) ours(live string) bool {
	o := f.Object
	if recorded(o, live) || sentLast(o, live) || f.Memory.sent(live, f.Now) {
		return true
	}
	return slices.ContainsFunc(f.Standing.Predecessors, func(p *v1alpha1.FotaCallback) bool {
		return recorded(p, live) || p.Namespace == o.Namespace && sentLast(p, live)
	})
}

// recorded says whether status has what is registered on record as this object's.
func recorded(o *v1alpha1.FotaCallback, live string) bool {
	return o.Status.RegisteredURL != "" && thingspace.EqualURLs(live, o.Status.RegisteredURL) ||
		o.Status.EchoedURL != "" && thingspace.EqualURLs(live, o.Status.EchoedURL)
}

// sentLast says whether what is registered is what this object sent last. As long as the answer to that is not on record, nobody knows how ThingSpace
// has written it.
func sentLast(o *v1alpha1.FotaCallback, live string) bool {
	sent := LastSentURL(o)
	if sent == "" {
		return false
	}
	return thingspace.EqualURLs(live, sent) || sent != o.Status.RegisteredURL && thingspace.RewrittenURLs(live, sent)
}

// CheckSpec says why the operator refuses to work on a spec; nil where it does not. It repeats the CRD's rules, for
// clusters whose CRD is older than the operator.
func CheckSpec(spec *v1alpha1.FotaCallbackSpec) error {
	if err := thingspace.CheckAccount(spec.Account); err != nil {
		return err
	}
	if err := thingspace.CheckURL(spec.URL); err != nil {
		return err
	}
	if spec.Interval == "" {
		return nil
	}
	_, err := parseInterval(spec.Interval)
	return err
}

func parseInterval(text string) (time.Duration, error) {
	interval, err := time.ParseDuration(text)
	if err != nil || interval < time.Minute || interval > 24*time.Hour {
		return 0, errors.New("interval must be a duration between 1m and 24h, for example 10m")
	}
	return interval, nil
}

func rest(reason string) Step { return Step{Action: Rest, Reason: reason} }
