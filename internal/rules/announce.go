package rules

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// Event is what an object's reader is told once, when something changes.
type Event struct {
	// Type is Normal or Warning.
	Type string
	// Reason is one of the event reasons, or a failing reason of Ready.
	Reason string
	// Note is for a person. It shows of a URL no more than scheme and host.
	Note string
}

// Announce says what to tell about a pass: what it did, and what status says that it did not say before.
func Announce(f Facts, before v1alpha1.FotaCallbackStatus, after Summary) []Event {
	var events []Event
	told := false
	for _, step := range f.Done {
		if step.Event != "" {
			events = append(events, Event{corev1.EventTypeNormal, step.Event, effectNote(f, step)})
			told = true
		}
	}
	if f.did(Release) {
		return events
	}
	if registered := after.Status.RegisteredURL; !told && before.RegisteredURL != "" && registered != before.RegisteredURL {
		// The answer to what an earlier pass sent was lost; what it sent has arrived.
		updated := Step{Event: v1alpha1.EventUpdated}
		events = append(events, Event{corev1.EventTypeNormal, updated.Event, effectNote(f, updated)})
	}
	was, is := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
	if is != nil && (was == nil || was.Reason != is.Reason) {
		switch {
		case is.Reason == v1alpha1.ReasonRegistered && before.RegisteredURL == "" && !told:
			events = append(events, Event{corev1.EventTypeNormal, v1alpha1.EventRegistered, is.Message}) // as above
		case is.Reason == v1alpha1.ReasonDrifted:
			events = append(events, Event{corev1.EventTypeWarning, v1alpha1.EventDriftDetected, is.Message})
			events = append(events, Event{corev1.EventTypeWarning, is.Reason, is.Message})
		case fails(is.Reason):
			events = append(events, Event{corev1.EventTypeWarning, is.Reason, is.Message})
		}
	}
	if after.Memory.Drift.Contended && !f.Memory.Drift.Contended {
		events = append(events, Event{corev1.EventTypeWarning, v1alpha1.EventContended, fmt.Sprintf(
			"Somebody else keeps changing the callback URL of account %s. Find out who else manages it (another cluster, a script), and stop one of the two.",
			f.Object.Spec.Account)})
	}
	return events
}

// fails says whether a reason of Ready is worth a warning: not those of health, rest, deletion, or a pass that simply runs again.
func fails(reason string) bool {
	switch reason {
	case v1alpha1.ReasonRegistered, v1alpha1.ReasonSuspended, v1alpha1.ReasonDeregistering, v1alpha1.ReasonProgressing:
		return false
	}
	return true
}

func effectNote(f Facts, step Step) string {
	account := f.Object.Spec.Account
	origin := thingspace.Origin(f.Object.Spec.URL)
	replaced := ""
	if step.Foreign != "" {
		replaced = fmt.Sprintf(" It replaced a URL at %s (see status.replacedURL).", thingspace.Origin(step.Foreign))
	}
	switch step.Event {
	case v1alpha1.EventRegistered:
		return fmt.Sprintf("Account %s now sends its FOTA events to %s.%s", account, origin, replaced)
	case v1alpha1.EventAdopted:
		return fmt.Sprintf("Account %s already sent its FOTA events to spec.url at %s; from now on this object manages that, and deregisters it when deleted.", account, origin)
	case v1alpha1.EventUpdated:
		return fmt.Sprintf("Account %s now sends its FOTA events to %s. Keep the old endpoint up for a quarter of an hour: messages go on arriving there.", account, origin)
	case v1alpha1.EventDriftCorrected:
		return fmt.Sprintf("The callback URL of account %s had been changed by somebody else; it is at %s again.%s", account, origin, replaced)
	case v1alpha1.EventDeregistered:
		if f.did(Deregister) {
			return fmt.Sprintf("The callback URL of account %s was deregistered; events sent from now on are lost until another one is registered.", account)
		}
		return fmt.Sprintf("Nothing was registered for account %s any more.", account)
	case v1alpha1.EventHandedOver:
		return fmt.Sprintf("Account %s goes on with FotaCallback %s/%s.", account, f.Standing.First.Namespace, f.Standing.First.Name)
	case v1alpha1.EventRetained:
		return fmt.Sprintf("deletionPolicy is Retain: the registration of account %s was left as it is.", account)
	case v1alpha1.EventDeregistrationSkipped:
		return fmt.Sprintf("Account %s sends its FOTA events to %s, which this object did not register: it was left alone.", account, thingspace.Origin(step.Foreign))
	}
	return ""
}
