// Package v1alpha1 is the user's side of the operator: the FotaCallback object, its reasons and its names.
// It holds no behaviour beyond the defaults that spec leaves out.
//
// +kubebuilder:object:generate=true
// +groupName=fotacallback.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion is the API group and version of every type in this package.
	GroupVersion = schema.GroupVersion{Group: "fotacallback.dev", Version: "v1alpha1"}

	// SchemeBuilder collects what AddToScheme registers.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme makes a scheme know the types of this package.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &FotaCallback{}, &FotaCallbackList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
