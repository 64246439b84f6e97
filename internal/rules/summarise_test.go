package rules_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// failing is a pass of an owner that an error ended.
func failing(o *v1alpha1.FotaCallback, err error) (rules.Facts, rules.Step) {
	f := facts(o)
	f.Err = err
	return f, rules.Decide(f)
}

func conditions(status v1alpha1.FotaCallbackStatus) []string {
	var all []string
	for _, c := range status.Conditions {
		all = append(all, c.Type+"="+string(c.Status)+" "+c.Reason)
	}
	return all
}

// Every row of the table of conditions.
func TestConditions(t *testing.T) {
	forbidden := &rules.KubernetesError{Attempted: "claim the object", Err: apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("x").GroupResource(), "x", nil)}
	for reason, test := range map[string]struct {
		err     error
		ready   string
		another string
		says    string
	}{
		v1alpha1.ReasonProgressing:         {forbidden, "False", "Reconciling", "could not claim the object: the Kubernetes API said Forbidden"},
		v1alpha1.ReasonCredentialsNotFound: {&rules.CredentialsError{Problem: "Secret iot/x is not there."}, "False", "Reconciling", "Secret iot/x is not there."},
		v1alpha1.ReasonAPIUnavailable:      {&thingspace.UnavailableError{Cause: "HTTP 503"}, "False", "Reconciling", "HTTP 503"},
		v1alpha1.ReasonRateLimited:         {&thingspace.RateLimitedError{RetryAfter: time.Minute}, "False", "Reconciling", "asked to wait"},
		v1alpha1.ReasonUnexpectedResponse:  {&thingspace.UnexpectedResponseError{Detail: "success:false"}, "False", "Reconciling", "success:false"},
		v1alpha1.ReasonCredentialsRejected: {&thingspace.CredentialsRejectedError{Login: true}, "False", "Stalled", "of 5 failed logins are used up"},
		v1alpha1.ReasonAccessDenied:        {&thingspace.AccessDeniedError{Code: "900908"}, "False", "Stalled", "900908"},
		v1alpha1.ReasonRequestRejected:     {&thingspace.RequestRejectedError{Code: "INVALID_PARAMETER"}, "False", "Stalled", "INVALID_PARAMETER"},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			f, step := failing(object(), test.err)
			status := rules.Summarise(f, step).Status
			g.Expect(conditions(status)).To(ConsistOf("Ready="+test.ready+" "+reason, test.another+"=True "+reason))
			g.Expect(status.ObservedGeneration).To(BeEquivalentTo(1))
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			g.Expect(ready.Message).To(And(ContainSubstring(test.says), ContainSubstring("acc-1")))
			g.Expect(ready.ObservedGeneration).To(BeEquivalentTo(1))

			// The same again is no news.
			f.Object = f.Object.DeepCopy()
			f.Object.Status = status
			f.Now = now.Add(time.Hour)
			if f.Standing = stand(f.Object); reason != v1alpha1.ReasonProgressing {
				g.Expect(rules.Summarise(f, rules.Decide(f)).Status).To(Equal(status))
			}
		})
	}
}

func TestAPreconditionThatIsTooOldIsTold(t *testing.T) {
	f, step := failing(object(), &rules.TooOldError{Serves: 5 * time.Second})
	NewWithT(t).Expect(rules.Summarise(f, step).Status.Conditions[0].Message).To(Equal("Account acc-1: more than 5s passed between the last look at the object and the call that was to follow, " +
		"three times in a row: it was not made. Tried again by itself. If it lasts, check how fast the Kubernetes API and the way to ThingSpace are."))
}

func TestConditionsWithoutAnError(t *testing.T) {
	owner := object(named("owner"), healthy)
	mine := object(named("z"), createdAt(now))
	for reason, test := range map[string]struct {
		facts rules.Facts
		all   []string
	}{
		v1alpha1.ReasonSuspended:       {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })), []string{"Ready=Unknown Suspended"}},
		v1alpha1.ReasonInvalidSpec:     {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.URL = "x" })), []string{"Ready=False InvalidSpec", "Stalled=True InvalidSpec"}},
		v1alpha1.ReasonAccountConflict: {facts(mine, owner), []string{"Ready=False AccountConflict", "Reconciling=True AccountConflict"}},
		v1alpha1.ReasonExistingRegistration: {listed(facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered })), foreign),
			[]string{"Ready=False ExistingRegistration", "Stalled=True ExistingRegistration"}},
		v1alpha1.ReasonDrifted: {listed(facts(object(healthy, func(o *v1alpha1.FotaCallback) { o.Spec.DriftPolicy = v1alpha1.DriftWarn })), foreign),
			[]string{"Ready=False Drifted", "Stalled=True Drifted"}},
		v1alpha1.ReasonRegistered:    {listed(facts(object(claimed(wish))), wish), []string{"Ready=True Registered"}},
		v1alpha1.ReasonDeregistering: {facts(leaving()), []string{"Ready=False Deregistering", "Reconciling=True Deregistering"}},
	} {
		t.Run(reason, func(t *testing.T) {
			g := NewWithT(t)
			step := rules.Decide(test.facts)
			g.Expect(step.Reason).To(Equal(reason))
			status := rules.Summarise(test.facts, step).Status
			g.Expect(conditions(status)).To(Equal(test.all))
			for _, c := range status.Conditions {
				g.Expect(c.Message).NotTo(ContainSubstring("/callbacks"), "no path of a URL")
				g.Expect(c.Message).To(ContainSubstring("acc"))
			}
		})
	}
}

func TestAConflictStallsAfterAMinute(t *testing.T) {
	g := NewWithT(t)
	owner := object(named("owner"), healthy)
	f := facts(object(named("z"), createdAt(now), handled(v1alpha1.ReasonAPIUnavailable, metav1.ConditionFalse, v1alpha1.ConditionReconciling)), owner)
	f.Object.Status = rules.Summarise(f, rules.Decide(f)).Status
	due, ever := rules.Due(f)
	g.Expect(ever).To(BeTrue())
	g.Expect(due).To(Equal(now.Add(time.Minute)), "from when the conflict began, not what was before")
	f.Now = now.Add(59 * time.Second)
	g.Expect(conditions(rules.Summarise(f, rules.Decide(f)).Status)).To(ContainElement("Reconciling=True AccountConflict"))
	f.Now = now.Add(time.Minute)
	f.Object.Status = rules.Summarise(f, rules.Decide(f)).Status
	g.Expect(conditions(f.Object.Status)).To(ConsistOf("Ready=False AccountConflict", "Stalled=True AccountConflict"))
	f.Memory = rules.Summarise(f, rules.Decide(f)).Memory
	due, _ = rules.Due(f)
	g.Expect(due).To(Equal(rules.NextSlot(f.Object.UID, 10*time.Minute, f.Now.Add(time.Minute))), "it looks whether that is still so")
}

func TestARoutineCheckMayFailTwice(t *testing.T) {
	for _, err := range []error{&thingspace.UnavailableError{}, &thingspace.RateLimitedError{RetryAfter: time.Second}, &thingspace.UnexpectedResponseError{}} {
		g := NewWithT(t)
		f, step := failing(object(healthy), err)
		for range 2 {
			summary := rules.Summarise(f, step)
			g.Expect(summary.Status).To(Equal(f.Object.Status), "nothing to write")
			g.Expect(summary.Memory.RetryAt).To(BeTemporally(">", now))
			f.Memory = summary.Memory
		}
		g.Expect(rules.Summarise(f, step).Status.Conditions[0].Status).To(Equal(metav1.ConditionFalse))

		f, step = failing(object(healthy, requested("x")), err)
		summary := rules.Summarise(f, step)
		g.Expect(summary.Status.Conditions[0].Status).To(Equal(metav1.ConditionFalse), "a check that was asked for tells at once")
		g.Expect(summary.Status.LastHandledReconcileAt).To(Equal("x"))
	}
	g := NewWithT(t)
	f, step := failing(object(healthy), &thingspace.AccessDeniedError{})
	g.Expect(rules.Summarise(f, step).Status.Conditions[0].Status).To(Equal(metav1.ConditionFalse), "no hiccup")
	f, step = failing(object(healthy), &thingspace.RateLimitedError{LoginInterval: time.Minute, RetryAfter: time.Second})
	for range 10 {
		summary := rules.Summarise(f, step)
		g.Expect(summary.Status).To(Equal(f.Object.Status), "waiting for the login minute is no failure")
		f.Memory = summary.Memory
	}
}

func TestASuccessEndsARunOfFailures(t *testing.T) {
	g := NewWithT(t)
	f, step := failing(object(healthy), &thingspace.UnavailableError{})
	f.Memory = rules.Summarise(f, step).Memory
	f.Memory = rules.Summarise(f, step).Memory
	g.Expect(f.Memory.Attempts).To(Equal(2))
	f.Err = nil
	f = listed(f, wish)
	memory := rules.Summarise(f, rules.Decide(f)).Memory
	g.Expect(memory.Attempts).To(BeZero())
	g.Expect(memory.RetryAt.IsZero()).To(BeTrue())
}

func TestWhenItIsTriedAgain(t *testing.T) {
	g := NewWithT(t)
	var last time.Duration
	f, step := failing(object(), &thingspace.UnavailableError{})
	for range 15 {
		summary := rules.Summarise(f, step)
		wait := summary.Memory.RetryAt.Sub(now)
		g.Expect(wait).To(And(BeNumerically(">=", time.Second), BeNumerically("<=", 5*time.Minute), BeNumerically(">=", last)))
		last, f.Memory = wait, summary.Memory
	}
	g.Expect(last).To(BeNumerically(">=", 4*time.Minute))

	f, step = failing(object(), &thingspace.RateLimitedError{RetryAfter: 77 * time.Second})
	g.Expect(rules.Summarise(f, step).Memory.RetryAt).To(Equal(now.Add(77 * time.Second)))

	f, step = failing(object(), &rules.CredentialsError{})
	f.Object.Spec.Interval = "24h"
	for minute, every := range map[int]time.Duration{0: 30 * time.Second, 9: 30 * time.Second, 10: 5 * time.Minute, 60: 5 * time.Minute} {
		f.Memory.FailingSince = now.Add(-time.Duration(minute) * time.Minute)
		g.Expect(rules.Summarise(f, step).Memory.RetryAt).To(BeTemporally("~", now.Add(every), 0), "after %d minutes", minute)
	}
	for _, err := range []error{&thingspace.AccessDeniedError{}, &thingspace.RequestRejectedError{}} {
		f, step = failing(object(), err)
		g.Expect(rules.Summarise(f, step).Memory.RetryAt.IsZero()).To(BeTrue(), "at the next slot")
		f, step = failing(leaving(func(o *v1alpha1.FotaCallback) { o.DeletionTimestamp = &metav1.Time{Time: now.Add(-time.Hour)} }), err)
		g.Expect(rules.Summarise(f, step).Memory.RetryAt).To(BeTemporally(">", now), "a deletion goes on")
	}
}

// What a person is told about logins: how many are used up, what comes next, and what to do.
func TestMessagesAboutLogins(t *testing.T) {
	where := func(cause thingspace.WithheldCause, failed int) error {
		return &thingspace.LoginWithheldError{Failed: failed, Cause: cause, ConfigMap: "operator/logins", Key: "0123abcd"}
	}
	for name, test := range map[string]struct {
		err  error
		says []string
	}{
		"refused": {
			&thingspace.CredentialsRejectedError{Login: true, Code: "X.LoginFailed", Failed: 1},
			[]string{"refused the login with username and password (X.LoginFailed); 1 of 5 failed logins are used up. ", "Secret iot/thingspace-credentials", "a change is noticed within minutes", "within a minute of that"},
		},
		"refused for the third time": {
			&thingspace.CredentialsRejectedError{Login: true, Failed: 3, ConfigMap: "operator/logins", Key: "0123abcd"},
			[]string{"3 of 5 failed logins are used up. No login is made before an administrator allows it", "remove the key 0123abcd from ConfigMap operator/logins"},
		},
		"all used up": {
			where(thingspace.WithheldFailed, 3),
			[]string{"3 of 5 failed logins are used up. No login is made before an administrator allows it", "remove the key 0123abcd from ConfigMap operator/logins"},
		},
		"all used up, and verified": {
			where(thingspace.WithheldVerified, 3),
			[]string{"ThingSpace is unavailable: no login is made: 3 of 5 failed logins are used up", "within 10m"},
		},
		"another namespace's user": {
			where(thingspace.WithheldForOthers, 1),
			[]string{"a Secret of another namespace", "1 of 5 failed logins are used up", "when that user has signed in again", "0123abcd"},
		},
		"too many users": {where(thingspace.WithheldNamespace, 0), []string{"too many users", "operator/logins"}},
		"no place":       {where(thingspace.WithheldFull, 0), []string{"no place for another user", "operator/logins"}},
		"the user's minute": {
			&thingspace.RateLimitedError{LoginInterval: time.Minute, RetryAfter: time.Second},
			[]string{"at most one in 1m", "Secret iot/thingspace-credentials is read again right before it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, step := failing(object(), test.err)
			ready := meta.FindStatusCondition(rules.Summarise(f, step).Status.Conditions, v1alpha1.ConditionReady)
			for _, text := range test.says {
				NewWithT(t).Expect(ready.Message).To(ContainSubstring(text))
			}
		})
	}
}

func TestWhatIsRegisteredIsOnRecord(t *testing.T) {
	g := NewWithT(t)
	f := listed(facts(object(claimed(wish))), "")
	f.Done, f.Echo = []rules.Step{{Action: rules.Register}}, echo
	status := rules.Summarise(f, rules.Decide(f)).Status
	g.Expect([]string{status.RegisteredURL, status.EchoedURL, status.RemoteURL}).To(Equal([]string{wish, echo, echo}))
	f.Echo = "HTTPS://FOTA.example.com/callbacks/new"
	g.Expect(rules.Summarise(f, rules.Decide(f)).Status.EchoedURL).To(BeEmpty(), "the comparison makes them equal")

	f, _ = failing(object(healthy), &thingspace.UnexpectedResponseError{})
	f = listed(f, foreign)
	f.Memory.Attempts = 9
	status = rules.Summarise(f, rules.Decide(f)).Status
	g.Expect([]string{status.RegisteredURL, status.RemoteURL}).To(Equal([]string{wish, foreign}), "what was seen, not what was wished")
}

func TestAVerdictStandsUntilAListing(t *testing.T) {
	f, step := failing(object(handled(v1alpha1.ReasonAccessDenied, metav1.ConditionFalse, v1alpha1.ConditionStalled)), &thingspace.UnavailableError{})
	status := rules.Summarise(f, step).Status
	NewWithT(t).Expect(conditions(status)).To(ConsistOf("Ready=False AccessDenied", "Stalled=True AccessDenied"))

	f = listed(f, "") // it has access again, and then the call that registers meets an outage
	status = rules.Summarise(f, step).Status
	NewWithT(t).Expect(conditions(status)).To(ConsistOf("Ready=False APIUnavailable", "Reconciling=True APIUnavailable"))
}

func TestTheWayOutOfADeletionComesFirst(t *testing.T) {
	for _, f := range []rules.Facts{facts(leaving()), facts(leaving(), object(named("next")))} {
		message := rules.Summarise(f, rules.Decide(f)).Status.Conditions[0].Message
		NewWithT(t).Expect(message).To(HavePrefix("To let the object go and leave the registration as it is, set deletionPolicy: Retain."))
	}
	f, step := failing(leaving(func(o *v1alpha1.FotaCallback) { o.DeletionTimestamp = &metav1.Time{Time: now.Add(-time.Hour)} }), &thingspace.UnavailableError{Cause: "HTTP 502"})
	NewWithT(t).Expect(rules.Summarise(f, step).Status.Conditions[0].Message).To(ContainSubstring("HTTP 502"))
}

func TestMessagesDoNotChangeToAndFro(t *testing.T) {
	g := NewWithT(t)
	f, step := failing(object(), &thingspace.UnavailableError{Cause: "HTTP 503"})
	f.Object.Status = rules.Summarise(f, step).Status
	for _, heldBack := range []error{
		&thingspace.UnavailableError{CircuitOpen: true, RetryAfter: 17 * time.Second},
		&thingspace.LoginWithheldError{Cause: thingspace.WithheldVerified, RetryAfter: 7 * time.Minute},
	} {
		f.Err = heldBack
		g.Expect(rules.Summarise(f, rules.Decide(f)).Status).To(Equal(f.Object.Status), "%T", heldBack)
	}
	f.Err = errors.New("something else: https://h/secret-path")
	g.Expect(strings.Contains(rules.Summarise(f, rules.Decide(f)).Status.Conditions[0].Message, "secret-path")).To(BeFalse())
}
