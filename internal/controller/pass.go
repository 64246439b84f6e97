package controller

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	// A proof that a mutating call is still wanted is good for this long (rule 4).
	proofServes = 5 * time.Second
	// One that was too old so often in a row is reported.
	tooOldReported = 3
)

var (
	errStaleView  = errors.New("the object has changed since it was read")
	errStaleCache = errors.New("the cache does not show yet who else names the account")
)

// pass is the work on one object from facts to status. All effects are here.
type pass struct {
	*Reconciler
	facts rules.Facts
	// source is where its calls find their credentials.
	source secretSource
	// untrusted is the object as it is stored, where its status does not count: facts show it without; nil otherwise.
	untrusted *v1alpha1.FotaCallback
	// peers are the other objects that name the account.
	peers []rules.Candidate
	// recoveries is how often ThingSpace had come back when the pass began.
	recoveries uint64
}

func (p *pass) name() types.NamespacedName { return nameOf(p.facts.Object) }

// apply carries a step out and adds what came of it to the facts. It returns an error only where the pass has to end without a
// verdict, because what it was decided on no longer holds.
func (p *pass) apply(ctx context.Context, step rules.Step) error {
	err := p.carryOut(ctx, step)
	p.facts.Now = p.Clock.Now()
	if err == nil {
		p.facts.Done = append(p.facts.Done, step)
		return nil
	}
	if errors.Is(err, thingspace.ErrPreconditionTooOld) {
		err = p.tooOld(err)
	}
	if p.endsQuietly(ctx, err) {
		return err
	}
	p.facts.Err = err
	return nil
}

// tooOld counts a precondition that was too old when it was to be used, and reports one that is so again and again.
func (p *pass) tooOld(err error) error {
	p.remember(func(m *rules.Memory) { m.TooOld++ })
	if p.facts.Memory.TooOld < tooOldReported {
		return err
	}
	return &rules.TooOldError{Serves: proofServes}
}

// remember changes what is remembered of the object at once: a reconciliation may end without a word.
func (p *pass) remember(change func(*rules.Memory)) {
	change(&p.facts.Memory)
	p.states.change(p.name(), p.facts.Object.UID, func(s *objectState) { change(&s.memory) })
}

func (p *pass) carryOut(ctx context.Context, step rules.Step) error {
	switch step.Action {
	case rules.Rest:
		return nil
	case rules.List:
		return p.list(ctx)
	case rules.Survey:
		return p.survey(ctx)
	case rules.Record:
		return p.writeStatus(ctx, func(status *v1alpha1.FotaCallbackStatus) {
			if step.Registered != "" {
				status.RegisteredURL, status.EchoedURL = step.Registered, step.Echoed
			}
			if step.Replaced != "" {
				status.ReplacedURL = step.Replaced
			}
		})
	case rules.Claim:
		return p.claim(ctx, p.facts.Object.Spec.URL)
	case rules.Restore:
		return p.claim(ctx, p.facts.Object.Status.RegisteredURL)
	case rules.Register, rules.Update:
		return p.send(ctx, step)
	case rules.Deregister:
		err := p.Registrations.Deregister(ctx, p.caller(), p.prove(false))
		if err == nil {
			p.remember(func(m *rules.Memory) { m.SentAt = time.Time{} })
		}
		p.facts.Listing = nil // whether it is gone has to be seen
		return err
	case rules.Release:
		return p.release(ctx)
	}
	return fmt.Errorf("no such step: %s", step.Action)
}

// endsQuietly says whether an error means that the pass has to start over rather than to report: somebody else wrote in between, or the
// process is stopping.
func (p *pass) endsQuietly(ctx context.Context, err error) bool {
	if _, told := errors.AsType[*rules.KubernetesError](err); told && ctx.Err() == nil {
		return false // of another object: the login record's, say
	}
	return ctx.Err() != nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) ||
		errors.Is(err, errStaleView) || errors.Is(err, errStaleCache) || errors.Is(err, thingspace.ErrPreconditionTooOld)
}

func (p *pass) list(ctx context.Context) error {
	live, err := p.Registrations.List(ctx, p.caller())
	if err != nil {
		if rules.RefusesCredentials(err) {
			p.states.change(p.name(), p.facts.Object.UID, func(s *objectState) { s.refused = p.source.used.Digest() })
		}
		return err
	}
	p.facts.Listing = &rules.Listing{URL: live}
	p.remember(func(m *rules.Memory) { *m = m.ListedNow(p.facts.Object.Generation, p.Clock.Now()) })
	p.stand(p.peers)
	if p.facts.Standing.Place == rules.Owner {
		p.remember(func(m *rules.Memory) { m.Progress = m.Progress.AnsweredNow(p.Clock.Now()) })
	}
	p.keep(p.source.used)
	return nil
}

func (p *pass) send(ctx context.Context, step rules.Step) error {
	send := p.Registrations.Register
	if step.Action == rules.Update {
		send = p.Registrations.Update
	}
	wish, replaced := p.facts.Object.Spec.URL, p.facts.Listing.URL
	if step.Foreign != "" {
		replaced = ""
	}
	prove := p.prove(step.Claims)
	echo, err := send(ctx, p.caller(), wish, func(ctx context.Context) error {
		err := prove(ctx)
		if err == nil {
			p.remember(func(m *rules.Memory) { *m = m.SentNow(wish, replaced, p.Clock.Now()) })
		}
		return err
	})
	if err != nil {
		return err
	}
	if !sameHost(echo, wish) {
		return &thingspace.UnexpectedResponseError{Detail: "it echoed a callback URL with another host"}
	}
	p.facts.Echo = echo
	if step.Event == v1alpha1.EventDriftCorrected {
		p.Metrics.driftCorrected()
	}
	return nil
}

// prove returns the proof for one mutating call. The first time it is the claiming write, where there is something to claim; otherwise a live
// read that shows the object exactly as it was decided on.
func (p *pass) prove(claims bool) thingspace.Precondition {
	return func(ctx context.Context) error {
		began := p.Clock.Now()
		err := p.proveOnce(ctx, claims)
		if err == nil && p.Clock.Since(began) > proofServes {
			err = thingspace.ErrPreconditionTooOld
		}
		if err == nil {
			claims = false
		}
		return err
	}
}

func (p *pass) proveOnce(ctx context.Context, claims bool) error {
	if claims {
		return p.claim(ctx, p.facts.Object.Spec.URL)
	}
	var live v1alpha1.FotaCallback
	if err := p.Live.Get(ctx, p.name(), &live); err != nil {
		return p.kubernetesError("read the object again", err)
	}
	if !stillHolds(p.facts.Object, &live) {
		return errStaleView
	}
	return nil
}

// stillHolds reports whether what was decided on an object holds for it as it is now. What changes neither what is wanted
// nor what is on record of it, such as a label, is no reason to start over.
func stillHolds(decided, live *v1alpha1.FotaCallback) bool {
	if live.UID == decided.UID && live.ResourceVersion == decided.ResourceVersion {
		return true
	}
	return live.UID == decided.UID && live.Generation == decided.Generation && rules.Deleting(live) == rules.Deleting(decided) &&
		rules.HasFinalizer(live) == rules.HasFinalizer(decided) && rules.LastSentURL(live) == rules.LastSentURL(decided) &&
		equality.Semantic.DeepEqual(rules.Trusted(live).Status, decided.Status)
}

// claim writes finalizer and intent in one patch (rule 3).
func (p *pass) claim(ctx context.Context, url string) error {
	return p.write(ctx, "claim the object", false, func(o *v1alpha1.FotaCallback) {
		controllerutil.AddFinalizer(o, v1alpha1.Finalizer)
		if o.Annotations == nil {
			o.Annotations = map[string]string{}
		}
		o.Annotations[v1alpha1.LastSentURLAnnotation], o.Annotations[v1alpha1.LastSentByAnnotation] = url, string(o.UID)
	})
}

func (p *pass) release(ctx context.Context) error {
	err := p.write(ctx, "take the finalizer off", false, func(o *v1alpha1.FotaCallback) {
		controllerutil.RemoveFinalizer(o, v1alpha1.Finalizer)
	})
	return client.IgnoreNotFound(err)
}

func (p *pass) writeStatus(ctx context.Context, change func(*v1alpha1.FotaCallbackStatus)) error {
	status := p.facts.Object.Status.DeepCopy()
	change(status)
	status.UID = string(p.facts.Object.UID)
	return p.write(ctx, "write status", true, func(o *v1alpha1.FotaCallback) { o.Status = *status })
}

// write changes the object, if it is still the version that was decided on, and goes on with what the API made of it. What
// it changes is the object as it is stored: a status that is not trusted is replaced as a whole.
func (p *pass) write(ctx context.Context, attempted string, status bool, change func(*v1alpha1.FotaCallback)) error {
	base := p.facts.Object
	if p.untrusted != nil {
		base = p.untrusted
	}
	if !status {
		var err error
		if base, err = p.whole(ctx, base); err != nil {
			return p.kubernetesError("read the object again", err)
		}
	}
	changed := base.DeepCopy()
	change(changed)
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	sent := p.Clock.Now()
	var err error
	if status {
		err = p.Client.Status().Patch(ctx, changed, patch)
	} else {
		err = p.Client.Patch(ctx, changed, patch)
	}
	if err != nil {
		return p.kubernetesError(attempted, err)
	}
	p.cache.wrote(sent, changed.ResourceVersion)
	Trim(changed)
	p.takes(changed)
	p.states.wrote(changed)
	return nil
}

// takes makes an object as it is stored the one that is worked on.
func (p *pass) takes(stored *v1alpha1.FotaCallback) {
	p.facts.Object, p.untrusted = rules.Trusted(stored), nil
	if p.facts.Object != stored {
		p.untrusted = stored
	}
}

func (p *pass) kubernetesError(attempted string, err error) error {
	if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) || errors.Is(err, errStaleView) {
		return err
	}
	return &rules.KubernetesError{Attempted: attempted, Err: err}
}

// sameHost says whether ThingSpace stored what it was sent, as far as the host tells.
func sameHost(echo, sent string) bool {
	a, errA := url.Parse(echo)
	b, errB := url.Parse(sent)
	return errA == nil && errB == nil && strings.EqualFold(a.Hostname(), b.Hostname())
}
