package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// announce sends the events of a pass that left no status to compare with.
func (p *pass) announce(summary rules.Summary) { p.announceSince(p.facts.Object.Status, summary) }

// announceSince sends the events of a pass, once what they say is on record.
func (p *pass) announceSince(before v1alpha1.FotaCallbackStatus, summary rules.Summary) {
	for _, event := range rules.Announce(p.facts, before, summary) {
		if event.Reason == v1alpha1.EventDriftDetected {
			p.Metrics.driftReported()
		}
		p.Recorder.Eventf(p.facts.Object, nil, event.Type, event.Reason, event.Reason, "%s", event.Note)
	}
}

// logOutcome writes one line when Ready changes its reason.
func (p *pass) logOutcome(ctx context.Context, before v1alpha1.FotaCallbackStatus, summary rules.Summary) {
	was := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(summary.Status.Conditions, v1alpha1.ConditionReady)
	if is == nil || was != nil && was.Reason == is.Reason && was.ObservedGeneration == is.ObservedGeneration {
		return
	}
	log.FromContext(ctx).Info(is.Message, "account", p.facts.Object.Spec.Account, "ready", is.Status, "reason", is.Reason)
}
