package rules_test

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

func TestBeforeAnythingIsListed(t *testing.T) {
	behind := object(named("z"), createdAt(now))
	for name, test := range map[string]struct {
		facts  rules.Facts
		action rules.Action
		reason string
	}{
		"an owner lists":            {facts(object()), rules.List, ""},
		"suspended":                 {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })), rules.Rest, v1alpha1.ReasonSuspended},
		"a URL that must not go":    {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.URL = "http://h/" })), rules.Rest, v1alpha1.ReasonInvalidSpec},
		"an account that can't be":  {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.Account = ".." })), rules.Rest, v1alpha1.ReasonInvalidSpec},
		"an interval that can't be": {facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.Interval = "30s" })), rules.Rest, v1alpha1.ReasonInvalidSpec},
		"behind":                    {facts(behind, object(healthy)), rules.Rest, v1alpha1.ReasonAccountConflict},
		"suspended and behind": {facts(object(named("z"), createdAt(now), func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true }), object()),
			rules.Rest, v1alpha1.ReasonSuspended},
		"a verdict goes on listing": {facts(object(refused(v1alpha1.ReasonAccessDenied)), object(named("b"), healthy)), rules.List, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			step := rules.Decide(test.facts)
			g.Expect(step.Action).To(Equal(test.action))
			g.Expect(step.Reason).To(Equal(test.reason))
		})
	}
}

func TestErrorsHaveTheirReason(t *testing.T) {
	for _, test := range []struct {
		err    error
		reason string
	}{
		{&rules.CredentialsError{Problem: "x"}, v1alpha1.ReasonCredentialsNotFound},
		{&thingspace.CredentialsRejectedError{}, v1alpha1.ReasonCredentialsRejected},
		{&thingspace.CredentialsRejectedError{Login: true}, v1alpha1.ReasonCredentialsRejected},
		{&thingspace.LoginWithheldError{}, v1alpha1.ReasonCredentialsRejected},
		{&thingspace.LoginWithheldError{Cause: thingspace.WithheldVerified}, v1alpha1.ReasonAPIUnavailable},
		{&thingspace.AccessDeniedError{}, v1alpha1.ReasonAccessDenied},
		{&thingspace.RateLimitedError{}, v1alpha1.ReasonRateLimited},
		{&thingspace.UnavailableError{}, v1alpha1.ReasonAPIUnavailable},
		{&thingspace.UnexpectedResponseError{}, v1alpha1.ReasonUnexpectedResponse},
		{&thingspace.RequestRejectedError{}, v1alpha1.ReasonRequestRejected},
		{&rules.KubernetesError{}, v1alpha1.ReasonProgressing},
		{&rules.TooOldError{}, v1alpha1.ReasonProgressing},
	} {
		f := facts(object())
		f.Err = test.err
		NewWithT(t).Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Rest, Reason: test.reason}), "%T", test.err)
	}
}

// Every combination of what is live, what the object knows of it, and the policies, against rule 2 in other words.
func TestListThenAct(t *testing.T) {
	for _, live := range []string{"", wish, "HTTPS://FOTA.example.com:443/callbacks/new", echo, old, foreign} {
		for _, registeredURL := range []string{"", wish, old} {
			for _, echoedURL := range []string{"", echo} {
				for _, intent := range []string{"", wish, old} {
					for _, finalizer := range []bool{true, false} {
						for _, adoption := range []v1alpha1.AdoptionPolicy{"", v1alpha1.AdoptionOverwrite, v1alpha1.AdoptionIfUnregistered} {
							for _, drift := range []v1alpha1.DriftPolicy{"", v1alpha1.DriftCorrect, v1alpha1.DriftWarn} {
								name := fmt.Sprintf("live=%s registered=%s echoed=%s intent=%s finalizer=%t %s %s", live, registeredURL, echoedURL, intent, finalizer, adoption, drift)
								t.Run(name, func(t *testing.T) {
									o := object(claimed(intent), registered(registeredURL))
									o.Status.EchoedURL, o.Spec.AdoptionPolicy, o.Spec.DriftPolicy = echoedURL, adoption, drift
									if intent == "" {
										o.Annotations = nil
									}
									if !finalizer {
										o.Finalizers = nil
									}
									step := rules.Decide(listed(facts(o), live))
									NewWithT(t).Expect(outline(step)).To(Equal(expected(o, live)))
								})
							}
						}
					}
				}
			}
		}
	}
}

func outline(step rules.Step) string {
	text := string(step.Action)
	if step.Claims {
		text += " claims"
	}
	if step.Reason != "" {
		text += " " + step.Reason
	}
	return text + step.Registered + step.Echoed + step.Replaced
}

// expected is rule 2 and 3, said once more without the code's helpers.
func expected(o *v1alpha1.FotaCallback, live string) string {
	is := func(url string) bool { return url != "" && live == url }
	equalsWish := live == wish || live == "HTTPS://FOTA.example.com:443/callbacks/new"
	inSync := equalsWish || is(o.Status.EchoedURL) && o.Status.RegisteredURL == wish
	intent := o.Annotations[v1alpha1.LastSentURLAnnotation]
	if o.Status.RegisteredURL != "" && (intent == "" || len(o.Finalizers) == 0) {
		return "Restore"
	}
	known := is(o.Status.RegisteredURL) || is(o.Status.EchoedURL)
	// The echo is only what wish may have become, unless the answer to wish is on record.
	rewritten := live == echo && intent == wish && o.Status.RegisteredURL != wish
	claims := ""
	if len(o.Finalizers) == 0 || intent != wish {
		claims = " claims"
	}
	hasRegistered := o.Status.RegisteredURL != ""
	switch {
	case live == "":
		return "Register" + claims
	case inSync && claims != "":
		return "Claim claims"
	case inSync:
		return "Rest Registered"
	case known, rewritten:
		return "Update" + claims
	case is(intent):
		return "Record" + intent // ours by the intent alone: on record before that is overwritten
	case hasRegistered && o.Spec.DriftPolicy == v1alpha1.DriftWarn:
		return "Rest Drifted"
	case !hasRegistered && o.Spec.AdoptionPolicy == v1alpha1.AdoptionIfUnregistered:
		return "Rest ExistingRegistration"
	}
	return "Record" + live // what is replaced is on record before it is
}

// Where a new URL comes before it is known how ThingSpace wrote the one before, both are on record before the intent is overwritten.
func TestRewrittenIsRecordedAsItIs(t *testing.T) {
	g := NewWithT(t)
	o := object(claimed(old))
	step := rules.Decide(listed(facts(o), old+"/"))
	g.Expect(step).To(Equal(rules.Step{Action: rules.Record, Registered: old, Echoed: old + "/"}))
	registered(step.Registered)(o)
	o.Status.EchoedURL = step.Echoed
	g.Expect(rules.Decide(listed(facts(o), old+"/"))).To(Equal(rules.Step{Action: rules.Update, Claims: true, Event: v1alpha1.EventUpdated}))
}

func TestForeignIsReplacedOnceOnRecord(t *testing.T) {
	g := NewWithT(t)
	o := object(claimed(wish), registered(wish))
	o.Status.ReplacedURL = foreign
	step := rules.Decide(listed(facts(o), foreign))
	g.Expect(step).To(Equal(rules.Step{Action: rules.Update, Event: v1alpha1.EventDriftCorrected, Foreign: foreign}))
	o.Status.RegisteredURL = ""
	g.Expect(rules.Decide(listed(facts(o), foreign)).Event).To(Equal(v1alpha1.EventRegistered))
}

func TestAPredecessorsURLIsOurs(t *testing.T) {
	g := NewWithT(t)
	leaving := object(named("leaving"), claimed(old), registered(old), deleting)
	mine := object(func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered })
	step := rules.Decide(listed(facts(mine, leaving), old))
	g.Expect(step.Action).To(Equal(rules.Update))
	g.Expect(step.Claims).To(BeTrue())
	g.Expect(rules.Decide(listed(facts(mine, leaving), foreign)).Reason).To(Equal(v1alpha1.ReasonExistingRegistration))
}

func TestAPassEndsWhenItHasSent(t *testing.T) {
	for _, action := range []rules.Action{rules.Register, rules.Update} {
		f := listed(facts(object(claimed(wish))), "")
		f.Done = []rules.Step{{Action: action}}
		NewWithT(t).Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonRegistered}))
	}
}

// Who stands behind one that has not listed the account has its turn after a minute; behind one that has, it has none.
func TestWhoHasATurn(t *testing.T) {
	g, older := NewWithT(t), object()
	f := facts(object(named("z"), createdAt(now)), older)
	f.Memory.FirstSeen = now
	f.Now = now.Add(59 * time.Second)
	g.Expect(rules.Decide(f)).To(Equal(rules.Step{Action: rules.Rest, Reason: v1alpha1.ReasonAccountConflict}))
	f.Now = now.Add(time.Minute)
	g.Expect(rules.Decide(f).Action).To(Equal(rules.List))
	f.Err = &thingspace.AccessDeniedError{}
	g.Expect(rules.Decide(f).Reason).To(Equal(v1alpha1.ReasonAccessDenied), "what keeps it from the account is not the other one")
	f.Err = nil
	for _, has := range []change{listedOnce, healthy} {
		f.Standing = stand(f.Object, object(has))
		g.Expect(rules.Decide(f).Reason).To(Equal(v1alpha1.ReasonAccountConflict))
	}
}

func TestAfterAListingOthersMayOwnTheAccount(t *testing.T) {
	mine := object(refused(v1alpha1.ReasonAccessDenied))
	f := facts(mine, object(named("b"), healthy, createdAt(now)))
	f.Listing = &rules.Listing{URL: foreign}
	f.Standing = rules.Stand(rules.Candidate{Object: mine, Listed: true}, candidates(f.Standing.First))
	NewWithT(t).Expect(rules.Decide(f).Reason).To(Equal(v1alpha1.ReasonAccountConflict))
}

func sentJustNow(f rules.Facts) rules.Facts {
	f.Memory = f.Memory.SentNow(wish, "", now)
	return f
}

// What could take a registration from another object is not decided on the cache.
func TestOthersAreLookedUpFirst(t *testing.T) {
	deleted := object(claimed(wish), registered(wish), deleting)
	*deleted.DeletionTimestamp = metav1.NewTime(now.Add(-settings.DeregistrationGrace))
	for name, test := range map[string]struct {
		facts   rules.Facts
		surveys bool
	}{
		"a foreign URL to take over":        {listed(facts(object()), foreign), true},
		"a foreign URL that has crept in":   {listed(facts(object(claimed(wish), registered(wish))), foreign), true},
		"a registration to remove":          {listed(facts(deleted), wish), true},
		"nothing is registered":             {listed(facts(object()), ""), false},
		"nothing is registered any more":    {listed(facts(object(handled(v1alpha1.ReasonCredentialsNotFound, metav1.ConditionFalse))), ""), true},
		"our own URL changes":               {listed(facts(object(claimed(old), registered(old))), old), false},
		"a removal that no listing shows":   {sentJustNow(listed(facts(deleted), "")), true},
		"nothing is left to remove":         {listed(facts(deleted), ""), false},
		"a foreign URL is left alone":       {listed(facts(object(func(o *v1alpha1.FotaCallback) { o.Spec.AdoptionPolicy = v1alpha1.AdoptionIfUnregistered })), foreign), false},
		"somebody else's, when it is ended": {listed(facts(deleted), foreign), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			unsurveyed := test.facts
			unsurveyed.Surveyed = false
			if test.surveys {
				g.Expect(rules.Decide(unsurveyed)).To(Equal(rules.Step{Action: rules.Survey}))
				g.Expect(rules.Decide(test.facts).Action).NotTo(Equal(rules.Survey))
			} else {
				g.Expect(rules.Decide(unsurveyed)).To(Equal(rules.Decide(test.facts)))
			}
		})
	}
}

// ThingSpace may write one URL in several ways, and not always in the same: that is no reason to send it again and again.
func TestAnEchoIsComparedAsURLsAre(t *testing.T) {
	o := object(healthy, func(o *v1alpha1.FotaCallback) { o.Status.EchoedURL = "https://FOTA.example.com/callbacks/new/" })
	NewWithT(t).Expect(rules.Decide(listed(facts(o), "https://fota.example.com:443/callbacks/new/")).Action).To(Equal(rules.Rest))
}
