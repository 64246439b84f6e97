package controller

import (
	"context"
	"slices"
	"unique"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

const (
	// The operator writes no longer ones into its own annotations: those are not its own.
	longestURL, longestUID = 2048, 128
	// A list of finalizers beyond this is cut, whoever wants to write one reads it anew.
	mostFinalizers, longestFinalizers = 16, 2048
	// otherFinalizers stands for those that were cut. No API server admits its like.
	otherFinalizers = "(others)"
)

// Trim leaves of an object's metadata what the operator reads, bounded by what it uses of it and not by what somebody has written. It is never written back: a patch
// holds what has changed since the object was trimmed.
func Trim(o *v1alpha1.FotaCallback) {
	o.ManagedFields, o.Labels, o.OwnerReferences, o.GenerateName = nil, nil, nil, ""
	kept := map[string]string{}
	keep := func(key, value string, longest int) {
		if _, ok := o.Annotations[key]; ok && len(value) <= longest {
			kept[key] = value
		}
	}
	keep(v1alpha1.RequestedAtAnnotation, rules.RequestedAt(o), rules.LongestRequest)
	keep(v1alpha1.LastSentURLAnnotation, o.Annotations[v1alpha1.LastSentURLAnnotation], longestURL)
	keep(v1alpha1.LastSentByAnnotation, o.Annotations[v1alpha1.LastSentByAnnotation], longestUID)
	o.Annotations = kept
	if len(kept) == 0 {
		o.Annotations = nil
	}
	cutFinalizers(o)
	share(o)
}

func cutFinalizers(o *v1alpha1.FotaCallback) {
	length := 0
	for _, finalizer := range o.Finalizers {
		length += len(finalizer)
	}
	if len(o.Finalizers) <= mostFinalizers && length <= longestFinalizers {
		return
	}
	kept := []string{otherFinalizers}
	if rules.HasFinalizer(o) {
		kept = append(kept, v1alpha1.Finalizer)
	}
	o.Finalizers = kept
}

// whole returns the object with all of its finalizers, which a patch replaces as one.
func (p *pass) whole(ctx context.Context, o *v1alpha1.FotaCallback) (*v1alpha1.FotaCallback, error) {
	if !slices.Contains(o.Finalizers, otherFinalizers) {
		return o, nil
	}
	var live v1alpha1.FotaCallback
	if err := p.Live.Get(ctx, p.name(), &live); err != nil {
		return nil, err
	}
	if live.UID != o.UID || live.ResourceVersion != o.ResourceVersion {
		return nil, errStaleView
	}
	return &live, nil
}

// share lets all objects have in common the words that they are made of, and each object have its URL and its message once.
func share(o *v1alpha1.FotaCallback) {
	for _, word := range []*string{
		&o.Kind, &o.APIVersion, &o.Namespace, (*string)(&o.Spec.AdoptionPolicy), (*string)(&o.Spec.DriftPolicy), (*string)(&o.Spec.DeletionPolicy),
	} {
		*word = common(*word)
	}
	for i, finalizer := range o.Finalizers {
		o.Finalizers[i] = common(finalizer)
	}
	url := o.Spec.URL
	for _, again := range []*string{&o.Status.RegisteredURL, &o.Status.RemoteURL} {
		if *again == url {
			*again = url
		}
	}
	if sent, ok := o.Annotations[v1alpha1.LastSentURLAnnotation]; ok && sent == url {
		o.Annotations[v1alpha1.LastSentURLAnnotation] = url
	}
	if by, ok := o.Annotations[v1alpha1.LastSentByAnnotation]; ok && by == string(o.UID) {
		o.Annotations[v1alpha1.LastSentByAnnotation] = string(o.UID)
	}
	if o.Status.UID == string(o.UID) {
		o.Status.UID = string(o.UID)
	}
	for i := range o.Status.Conditions {
		c := &o.Status.Conditions[i]
		c.Type, c.Status, c.Reason = common(c.Type), common(c.Status), common(c.Reason)
		if first := o.Status.Conditions[0].Message; c.Message == first {
			c.Message = first
		}
	}
}

// common is a word that is in the process's memory once.
func common[T ~string](word T) T { return unique.Make(word).Value() }

// TrimInCache is Trim as a cache's transform.
func TrimInCache(o any) (any, error) {
	if callback, ok := o.(*v1alpha1.FotaCallback); ok {
		Trim(callback)
	}
	return o, nil
}
