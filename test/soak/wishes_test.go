package soak_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// unmet are the wishes that are not met: what people wish is there as they wished it, each object is Ready and its URL registered, or says that it is
// suspended; nothing of ours is left of what they deleted; and the object with wrong credentials says so, whatever else was wrong before.
// Nobody having helped, what says that it waits for a person may wait.
func (p *people) unmet(nobodyHelped bool) []string {
	all, err := p.read()
	if err != nil {
		return []string{err.Error()}
	}
	registrations, err := set.Registrations(p.t.Context())
	if err != nil {
		return []string{err.Error()}
	}
	var unmet []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o := all[name]
		excused := nobodyHelped && awaitsPerson(&o) && name != wrongName
		if problem := p.problem(&o, registrations[o.Spec.Account]); problem != "" && !excused {
			unmet = append(unmet, fmt.Sprintf("%s %s; it says %.200q", name, problem, message(&o)))
		}
		delete(registrations, o.Spec.Account)
	}
	for n := range kept + others {
		if _, there := all[p.name(n)]; !there && p.must(p.name(n)) {
			unmet = append(unmet, p.name(n)+" has vanished")
		}
	}
	for left, url := range registrations {
		if strings.HasPrefix(url, ourURLs) {
			unmet = append(unmet, fmt.Sprintf("account %s still has %s, and no object", left, url))
		}
	}
	return unmet
}

// problem says what is wrong with one object, whose account has this URL.
func (p *people) problem(o *v1alpha1.FotaCallback, registered string) string {
	wish, known := p.wishes[o.Name]
	observed := o.Status.ObservedGeneration == o.Generation
	switch {
	case known && wish.there != o.DeletionTimestamp.IsZero():
		return "is not there as wished, or still being deleted"
	case known && (wish.suspended != o.Spec.Suspend || wish.url != o.Spec.URL):
		return "has another spec than was wished"
	case !o.DeletionTimestamp.IsZero():
		return "is still being deleted"
	case o.Name == wrongName && (registered != "" || ready(o)):
		return "has done something with wrong credentials"
	case o.Name == wrongName && !strings.Contains(message(o), "login"):
		return "does not say yet that its password is wrong"
	case o.Name == wrongName:
		return ""
	case o.Status.LastHandledReconcileAt != o.Annotations[v1alpha1.RequestedAtAnnotation]:
		return "has not been checked since that was asked for"
	case o.Spec.Suspend && observed && reason(o) == v1alpha1.ReasonSuspended:
		return ""
	case !ready(o) || registered != o.Spec.URL || o.Status.RemoteURL != o.Spec.URL:
		return fmt.Sprintf("wants %s, and the far side has %q", o.Spec.URL, registered)
	}
	return ""
}

// awaitsPerson says whether an object tells that its login was refused, or failed too often: no other is made until somebody has done something.
func awaitsPerson(o *v1alpha1.FotaCallback) bool {
	return strings.Contains(message(o), "No further login is made") || strings.Contains(message(o), "No login is made")
}

// read returns all objects by name. None may ever say that it goes on by itself and that it waits for somebody.
func (p *people) read() (map[string]v1alpha1.FotaCallback, error) {
	var all v1alpha1.FotaCallbackList
	if err := set.Client.List(p.t.Context(), &all, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	byName := map[string]v1alpha1.FotaCallback{}
	for _, o := range all.Items {
		if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReconciling) && meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionStalled) {
			wrongf(p.t, "%s shows Reconciling together with Stalled: %s", o.Name, message(&o))
		}
		o.ManagedFields = nil
		byName[o.Name] = o
	}
	return byName, nil
}

// objects are the same where the API server must answer.
func (p *people) objects() map[string]v1alpha1.FotaCallback {
	all, err := p.read()
	expect(p.t).Expect(err).NotTo(HaveOccurred())
	return all
}

// tally says how many are in which state, which shows what a person had to do.
func (p *people) tally() string {
	counts := map[string]int{}
	for _, o := range p.objects() {
		counts[reason(&o)]++
	}
	return join(counts)
}

func ready(o *v1alpha1.FotaCallback) bool {
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) && o.Status.ObservedGeneration == o.Generation
}

// reason and message are what an object says about itself.
func reason(o *v1alpha1.FotaCallback) string {
	if ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Reason
	}
	return ""
}

func message(o *v1alpha1.FotaCallback) string {
	if ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}
