package controller

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
)

// However much somebody writes into an object's metadata, little of it stays in memory.
func TestWhatIsKeptOfAnObjectIsBounded(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for name, grow := range map[string]func(*v1alpha1.FotaCallback){
		"an annotation":    func(o *v1alpha1.FotaCallback) { o.Annotations["note"] = long },
		"requested-at":     func(o *v1alpha1.FotaCallback) { o.Annotations[v1alpha1.RequestedAtAnnotation] = long },
		"last-sent-url":    func(o *v1alpha1.FotaCallback) { o.Annotations[v1alpha1.LastSentURLAnnotation] = long },
		"last-sent-by":     func(o *v1alpha1.FotaCallback) { o.Annotations[v1alpha1.LastSentByAnnotation] = long },
		"managed fields":   func(o *v1alpha1.FotaCallback) { o.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: long}} },
		"owner references": func(o *v1alpha1.FotaCallback) { o.OwnerReferences = []metav1.OwnerReference{{Name: long}} },
		"labels": func(o *v1alpha1.FotaCallback) {
			o.Labels = map[string]string{}
			for n := range 5600 {
				o.Labels[fmt.Sprint("label-", n)] = "some value"
			}
		},
		"finalizers": func(o *v1alpha1.FotaCallback) {
			for n := range 5600 {
				o.Finalizers = append(o.Finalizers, fmt.Sprint("example.com/", n))
			}
		},
		"a long finalizer": func(o *v1alpha1.FotaCallback) { o.Finalizers = append(o.Finalizers, long) },
	} {
		t.Run(name, func(t *testing.T) {
			g, o := NewWithT(t), decoded()
			grow(o)
			Trim(o)
			kept, err := json.Marshal(o)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(len(kept)).To(BeNumerically("<", 4096))
			g.Expect(rules.HasFinalizer(o)).To(BeTrue())
		})
	}
}

func TestWhatIsUsedOfTheMetadataIsKept(t *testing.T) {
	g, o := NewWithT(t), decoded()
	o.Finalizers = append(o.Finalizers, "example.com/other")
	o.Annotations[v1alpha1.RequestedAtAnnotation] = strings.Repeat("x", rules.LongestRequest)
	o.Annotations[v1alpha1.LastSentByAnnotation] = "uid"
	finalizers, annotations := o.Finalizers, o.Annotations
	delete(annotations, "note")
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	Trim(o)
	g.Expect(o.Finalizers).To(Equal(finalizers))
	g.Expect(o.Annotations).To(Equal(annotations))

	o = decoded()
	o.Finalizers = nil
	for n := range mostFinalizers + 1 {
		o.Finalizers = append(o.Finalizers, fmt.Sprint("example.com/", n))
	}
	Trim(o)
	g.Expect(o.Finalizers).To(Equal([]string{otherFinalizers}))
}

// A long request is the same one before and after it is trimmed, and another where it ends otherwise.
func TestALongRequestIsKnownByItsDigest(t *testing.T) {
	g, o, another := NewWithT(t), decoded(), decoded()
	o.Annotations[v1alpha1.RequestedAtAnnotation] = strings.Repeat("x", 200_000)
	another.Annotations[v1alpha1.RequestedAtAnnotation] = strings.Repeat("x", 200_000) + "y"
	before := rules.RequestedAt(o)
	Trim(o)
	g.Expect(rules.RequestedAt(o)).To(Equal(before))
	g.Expect(rules.RequestedAt(another)).NotTo(Equal(before))
	g.Expect(before).To(HaveLen(len("sha256:") + 64))
}
