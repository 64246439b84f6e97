package perturbation

import (
	neturl "net/url"
	"slices"
	"strings"

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

// sent says whether an object has on record that it sent a URL.
func (w *world) sent(o *v1alpha1.FotaCallback, url string) bool {
	return w.same(url, o.Status.RegisteredURL) || w.same(url, o.Status.EchoedURL) || w.same(url, o.Annotations[v1alpha1.LastSentURLAnnotation])
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
	if ready == nil || o.Status.ObservedGeneration != o.Generation {
		return ""
	}
	return ready.Reason
}

// cannot says whether an object has shown that it can't work on its account: others go first.
func cannot(o *v1alpha1.FotaCallback) bool {
	return o.Status.RegisteredURL == "" && slices.Contains([]string{
		v1alpha1.ReasonSuspended, v1alpha1.ReasonCredentialsNotFound, v1alpha1.ReasonCredentialsRejected, v1alpha1.ReasonAccessDenied, v1alpha1.ReasonRequestRejected,
	}, reason(o))
}

// owner is who has the say over an account among objects: who has registered, then who does not stand back behind a claim, then the oldest.
func owner(all []*v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	standsBack := func(o *v1alpha1.FotaCallback) bool {
		return o.Status.RegisteredURL == "" && reason(o) == v1alpha1.ReasonAccountConflict
	}
	rank := func(o *v1alpha1.FotaCallback) int {
		switch {
		case o.Status.RegisteredURL != "":
			return 0
		case standsBack(o) && slices.ContainsFunc(all, func(other *v1alpha1.FotaCallback) bool {
			return claimed(other) && !deleting(other) && !cannot(other) && (!standsBack(other) || !claimed(o))
		}):
			return 2
		}
		return 1
	}
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

// stepsOver says whether an object acts although another has the say. One that could not work on the account may find that it can, if nobody has claimed it.
func stepsOver(o *v1alpha1.FotaCallback, all []*v1alpha1.FotaCallback) bool {
	if cannot(o) {
		return slices.ContainsFunc(all, func(other *v1alpha1.FotaCallback) bool {
			return other.UID != o.UID && !deleting(other) && !cannot(other) && claimed(other)
		})
	}
	first := owner(all)
	return first != nil && first.UID != o.UID
}
