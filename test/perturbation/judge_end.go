package perturbation

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
)

// judgeEnd judges what there is when nothing happens any more, by the specs alone.
func (w *world) judgeEnd() {
	w.judgeWithheld()
	accounts := map[string]bool{account: true}
	for _, o := range w.kube.objects {
		accounts[o.Spec.Account] = true
		if deleting(o) && w.hasAccess(o) && (w.accessible() || w.remembers()) {
			w.failf(oracleEnd, "%s is still being deleted: %s", o.Name, rules.ReadyReason(o))
		}
	}
	if !w.accessible() {
		return // without access nothing can be promised about an account
	}
	for account := range accounts {
		w.judgeAccount(w.far.Registered(account), naming(account, w.kube.objects))
	}
}

// judgeWithheld expects that nobody has to ask for a login with a password that is right, unless three may have failed.
func (w *world) judgeWithheld() {
	mayHaveFailed := w.logins.unsuccessful + len(w.bus.done)
	if w.bus.plan.race != nil {
		mayHaveFailed++
	}
	refusedWrongly := func(d disturbance) bool { return d.refuse != nil && d.refuse.refusesLogin }
	if w.denied || mayHaveFailed >= 3 || slices.ContainsFunc(slices.Collect(maps.Values(w.bus.plan.effects)), refusedWrongly) {
		return
	}
	for name, o := range w.kube.objects {
		if asksForPassword(o) && w.kube.passwordOf(name) == w.password {
			w.failf(oracleEnd, "%s waits for somebody to ask for a login, and its password is right", o.Name)
		}
	}
}

func (w *world) judgeAccount(far string, all []*v1alpha1.FotaCallback) {
	var wanting, owners []*v1alpha1.FotaCallback
	for _, o := range all {
		if !deleting(o) && !o.Spec.Suspend && rules.CheckSpec(&o.Spec) == nil && w.hasAccess(o) && w.kube.passwordOf(client.ObjectKeyFromObject(o)) != "" {
			wanting = append(wanting, o)
			if reason(o) != v1alpha1.ReasonAccountConflict {
				owners = append(owners, o)
			}
		}
	}
	switch {
	case len(all) == 0:
		w.judgeUnwanted(far)
	case len(wanting) == 0:
	case len(owners) == 1:
		w.judgeOwner(owners[0], far)
	case len(owners) == 0 && slices.ContainsFunc(all, keepsAccount):
	default:
		w.failf(oracleEnd, "%d of %d objects have the say", len(owners), len(wanting))
	}
}

// hasAccess reports whether an object can work on its account, as far as its namespace goes: a stranger's has no Secret.
func (w *world) hasAccess(o *v1alpha1.FotaCallback) bool { return o.Namespace == namespace }

// keepsAccount says whether an object is suspended and has registered: nobody else gets its account.
func keepsAccount(o *v1alpha1.FotaCallback) bool {
	return o.Spec.Suspend && status(o).RegisteredURL != ""
}

// accessible says whether the Secrets are right and the account may be used.
func (w *world) accessible() bool {
	if w.denied || len(w.kube.hidden) > 0 {
		return false
	}
	for _, secret := range w.kube.secrets {
		held := string(secret.Data["password"])
		if held != w.password || !w.logins.proven[loginBody(held)] {
			return false
		}
	}
	return w.kube.hasSecret()
}

// remembers says whether a process that has worked all the time can do without the Secret: nobody has disturbed it, and the Secret is gone.
func (w *world) remembers() bool { return w.bus.plan.undisturbed() && !w.denied && !w.kube.hasSecret() }

// judgePrompt expects that the operator has taken up whatever people have just done.
func (w *world) judgePrompt() {
	if first := owner(naming(account, w.kube.objects)); first != nil && first.Labels[tooLarge] == "" && reason(first) == v1alpha1.ReasonAccountConflict {
		w.failf(oraclePrompt, "%s goes first, and has not been told", first.Name)
	}
	for _, o := range sorted(w.kube.objects) {
		requested := o.Annotations[v1alpha1.RequestedAtAnnotation]
		if o.Labels[tooLarge] != "" {
			continue
		}
		if status(o).RegisteredURL != "" && !deleting(o) && (!claimed(o) || intent(o) == "") {
			w.failf(oraclePrompt, "%s has registered, and does not carry its claim", o.Name)
		}
		if status(o).ObservedGeneration != o.Generation || requested != "" && requested != o.Status.LastHandledReconcileAt {
			w.failf(oraclePrompt, "%s has been left as it is", o.Name)
		}
	}
}

func (w *world) judgeOwner(o *v1alpha1.FotaCallback, far string) {
	left := reason(o)
	if left == v1alpha1.ReasonDrifted && !corrects(o) || left == v1alpha1.ReasonExistingRegistration && !overwrites(o) {
		if far == "" || !w.strangers && w.lastSentBy(far) != nil {
			w.failf(oracleEnd, "%s says %s, but the far side holds %q", o.Name, left, far)
		}
		return
	}
	switch {
	case !w.same(far, o.Spec.URL):
		w.failf(oracleEnd, "the far side holds %q instead of %s (%s)", far, o.Spec.URL, left)
	case !claimsReady(o):
		w.failf(oracleEnd, "%s is not Ready: %s", o.Name, left)
	case status(o).RegisteredURL != o.Spec.URL || !claimed(o) || intent(o) != o.Spec.URL:
		w.failf(oracleEnd, "%s is registered without a claim: %v %q %q", o.Name, o.Finalizers, intent(o), status(o).RegisteredURL)
	}
}

// judgeUnwanted expects that nothing of ours is left where nobody wants it: what a suspended or retained object leaves is told to stay.
func (w *world) judgeUnwanted(far string) {
	if far == "" {
		return
	}
	if last := w.lastSentBy(far); last != nil && !retains(last) && !w.strangers && !w.wentUnclaimed(last) {
		w.failf(oracleEnd, "%s is left behind", far)
	}
}

// wentUnclaimed reports whether somebody stripped the claim from an object and deleted it before the operator could put that back.
func (w *world) wentUnclaimed(o *v1alpha1.FotaCallback) bool {
	for _, c := range slices.Backward(w.kube.changes) {
		if c.object.UID == o.UID {
			return !w.bus.plan.undisturbed() && !c.own && !claimed(c.object)
		}
	}
	return false
}

// lastSentBy returns the object that sent a URL, as it was when it last knew of that; nil where none has sent it.
func (w *world) lastSentBy(url string) *v1alpha1.FotaCallback {
	for _, revision := range slices.Backward(w.kube.revisions) {
		for _, o := range revision {
			if o.Namespace == namespace && w.same(intent(o), url) {
				return o
			}
		}
	}
	return nil
}

// judgeShown looks for secrets in everything that the operator has logged, sent as an event, counted or written to an object. Of a URL, only
// an object may show the path.
func (w *world) judgeShown() {
	secrets := w.secretsAsSent()
	found := append(canary.Find(w.shown.String(), secrets...), canary.Find(w.written.String(), secrets...)...)
	for _, form := range append(found, canary.Find(w.shown.String(), "/callbacks/east", "/callbacks/west", "/hook")...) {
		w.failf(oracleSecrets, "%s is shown", form)
	}
}

// secretsAsSent are all secrets so far, as they are, as they stand in JSON and in a token's Basic header.
func (w *world) secretsAsSent() []string {
	secrets := []string{base64.StdEncoding.EncodeToString([]byte(simulator.DefaultClientID + ":" + clientSecret))}
	for _, secret := range w.secrets {
		inJSON, _ := json.Marshal(secret) //nolint:errchkjson // a string
		secrets = append(secrets, secret, strings.Trim(string(inJSON), `"`))
	}
	return secrets
}
