package perturbation

import (
	neturl "net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// What is judged by is said here once more, in other words than the operator's: a rule of its own that is bent must not bend the judge with it.

// same says whether two URLs are the same to ThingSpace, which keeps scheme and host in lower case, no default port, and a path; and in some worlds a slash at
// the end of that.
func (w *world) same(a, b string) bool { return a != "" && b != "" && w.canonical(a) == w.canonical(b) }

func (w *world) canonical(raw string) string {
	u, err := neturl.Parse(raw)
	if err != nil {
		return raw
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	path := u.EscapedPath()
	if path == "" || w.rewrites && !strings.HasSuffix(path, "/") {
		path += "/"
	}
	return strings.ToLower(u.Scheme) + "://" + host + path + "?" + u.RawQuery
}

// status is what counts of an object's status: nothing of one that was written for another object.
func status(o *v1alpha1.FotaCallback) v1alpha1.FotaCallbackStatus {
	if o.Status.UID != string(o.UID) {
		return v1alpha1.FotaCallbackStatus{}
	}
	return o.Status
}

// intent is the URL that was last to be sent for this very object.
func intent(o *v1alpha1.FotaCallback) string {
	if o.Annotations[v1alpha1.LastSentByAnnotation] != string(o.UID) {
		return ""
	}
	return o.Annotations[v1alpha1.LastSentURLAnnotation]
}

// registered reports whether status says that an object registered a URL, sent whether anything says that it sent one.
func (w *world) registered(o *v1alpha1.FotaCallback, url string) bool {
	return w.same(url, status(o).RegisteredURL) || w.same(url, status(o).EchoedURL)
}

func (w *world) sent(o *v1alpha1.FotaCallback, url string) bool {
	return w.registered(o, url) || w.same(url, intent(o))
}

// lagging is for how long a listing may show what was there before.
const lagging = 15 * time.Minute

// sentLately reports whether anything says that an object sent a URL, or said so within a quarter of an hour.
func (w *world) sentLately(o *v1alpha1.FotaCallback, url string) bool {
	for _, c := range slices.Backward(w.kube.changes) {
		if c.object.UID != o.UID {
			continue
		}
		if w.sent(c.object, url) {
			return true
		}
		if w.clock.Since(c.at) >= lagging {
			break
		}
	}
	return false
}

// inherits reports whether a URL that is live falls to an object from one that is being deleted: what that one has registered, and within a namespace also what
// it was about to send.
func (w *world) inherits(o, leaving *v1alpha1.FotaCallback, url string) bool {
	return w.registered(leaving, url) || o.Namespace == leaving.Namespace && w.sentLately(leaving, url)
}

func corrects(o *v1alpha1.FotaCallback) bool { return o.Spec.DriftPolicy != v1alpha1.DriftWarn }

func overwrites(o *v1alpha1.FotaCallback) bool {
	return o.Spec.AdoptionPolicy != v1alpha1.AdoptionIfUnregistered
}

func retains(o *v1alpha1.FotaCallback) bool { return o.Spec.DeletionPolicy == v1alpha1.DeletionRetain }

func deleting(o *v1alpha1.FotaCallback) bool { return o.DeletionTimestamp != nil }

func claimed(o *v1alpha1.FotaCallback) bool {
	return slices.Contains(o.Finalizers, v1alpha1.Finalizer)
}

// reason is what Ready says of the object as it is; empty where that is of an older generation.
func reason(o *v1alpha1.FotaCallback) string {
	ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || status(o).ObservedGeneration != o.Generation {
		return ""
	}
	return ready.Reason
}

// cannot reports whether an object has shown that it can't work on its account: it owns nothing.
func cannot(o *v1alpha1.FotaCallback) bool {
	return status(o).RegisteredURL == "" && (o.Spec.Suspend || slices.Contains([]string{
		v1alpha1.ReasonCredentialsNotFound, v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonAccessDenied, v1alpha1.ReasonRequestRejected,
		v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonExistingRegistration,
	}, reason(o)))
}

// rank is the right of an object to its account, by what is on record: it has registered, it has listed, or neither.
func rank(o *v1alpha1.FotaCallback) int {
	switch {
	case status(o).RegisteredURL != "":
		return 0
	case status(o).ListedGeneration == o.Generation:
		return 1
	}
	return 2
}

// owner is who has the say over an account among objects: by rank, then the oldest.
func owner(all []*v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	var first *v1alpha1.FotaCallback
	for _, o := range all {
		if deleting(o) || cannot(o) {
			continue
		}
		if first == nil || rank(o) < rank(first) || rank(o) == rank(first) && older(o, first) {
			first = o
		}
	}
	return first
}

func older(a, b *v1alpha1.FotaCallback) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.Name < b.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

// stepsOver reports whether an object acts although another has the say. Who acts has just listed the account: it goes before those that have not, once they had a
// minute, or where it had a verdict itself. A stale view may not show a stranger's object that can't sign in and has no verdict yet: nobody loses by that.
func (w *world) stepsOver(o *v1alpha1.FotaCallback, all []*v1alpha1.FotaCallback) bool {
	mine := min(rank(o), 1)
	waited := cannot(o) || w.clock.Since(o.CreationTimestamp.Time) >= time.Minute
	return slices.ContainsFunc(all, func(other *v1alpha1.FotaCallback) bool {
		if other.UID == o.UID || deleting(other) || cannot(other) {
			return false
		}
		switch {
		case rank(other) == 2:
			overlooked := w.bus.plan.stale != nil && !w.hasAccess(other)
			return mine == 1 && rank(o) == 2 && older(other, o) && !waited && !overlooked
		case rank(other) == mine:
			return older(other, o)
		}
		return rank(other) < mine
	})
}
