package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AdoptionPolicy says what happens to a foreign URL that is found before this object has registered its own.
// +kubebuilder:validation:Enum=Overwrite;IfUnregistered
type AdoptionPolicy string

// The values of AdoptionPolicy.
const (
	// AdoptionOverwrite replaces the foreign URL; status.replacedURL remembers it.
	AdoptionOverwrite AdoptionPolicy = "Overwrite"
	// AdoptionIfUnregistered leaves it alone and says ExistingRegistration.
	AdoptionIfUnregistered AdoptionPolicy = "IfUnregistered"
)

// DriftPolicy says what happens to a foreign URL that is found after this object has registered its own.
// +kubebuilder:validation:Enum=Correct;Warn
type DriftPolicy string

// The values of DriftPolicy.
const (
	// DriftCorrect puts spec.url back.
	DriftCorrect DriftPolicy = "Correct"
	// DriftWarn leaves the foreign URL and says Drifted.
	DriftWarn DriftPolicy = "Warn"
)

// DeletionPolicy says what happens to the registration when the object is deleted.
// +kubebuilder:validation:Enum=Deregister;Retain
type DeletionPolicy string

// The values of DeletionPolicy.
const (
	// DeletionDeregister removes the registration, if it is this object's.
	DeletionDeregister DeletionPolicy = "Deregister"
	// DeletionRetain leaves it as it is, without a call and without credentials.
	DeletionRetain DeletionPolicy = "Retain"
)

// FotaCallbackSpec is the wish: one ThingSpace account sends its FOTA campaign events to one URL.
type FotaCallbackSpec struct {
	// account is the ThingSpace billing account name, for example "0000123456-00001" (leading zeros count). At most one
	// callback URL exists for each account, so at most one FotaCallback owns it. It can't be changed: to move to another account,
	// create a second FotaCallback and delete this one.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$')",message="account must be letters and digits, in groups joined by single hyphens, for example 0000123456-00001"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="account can't be changed: create a new FotaCallback for the other account and delete this one"
	Account string `json:"account,omitempty"`

	// url is where ThingSpace posts the account's FOTA campaign events: https with a certificate signed by a public CA,
	// no user name or password, no fragment. Anybody who knows it can post to it, so treat its path and query as confidential:
	// the operator shows no more than its host in events and logs. After a change keep the old endpoint up for a quarter
	// of an hour: ThingSpace goes on posting to it for up to 14 minutes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]+$')",message="url must be visible ASCII only: percent-encode everything else, and write an international host name in its xn-- form"
	// +kubebuilder:validation:XValidation:rule="self.startsWith('https://')",message="url must start with https:// (in lower case): ThingSpace posts to HTTPS endpoints only"
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[^/?#@\\\\\\\\]+([/?][^#]*)?$') || !self.startsWith('https://')",message="url must have a host and no user name, password, backslash in the host or fragment, for example https://fota.example.com/callbacks"
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHostname() != ''",message="url can't be parsed: it must look like https://fota.example.com/callbacks"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https://[^/?#]*:[0-9]+([/?].*)?$') || self.matches('^https://[^/?#]*:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([/?].*)?$')",message="url's port must be between 1 and 65535"
	URL string `json:"url,omitempty"`

	// credentialsSecretRef names the Secret, in this object's namespace, with the four keys client-id and client-secret (the ThingSpace
	// application's key and secret), username and password (the UWS user). Where it is left out, the Secret is thingspace-credentials.
	// +optional
	CredentialsSecretRef *SecretReference `json:"credentialsSecretRef,omitempty"`

	// adoptionPolicy says what to do with a foreign URL that is found before this object has registered: Overwrite (in force
	// where it is left out) replaces it and keeps it in status.replacedURL; IfUnregistered leaves it alone. A URL equal to spec.url is adopted
	// under both, and so removed when this object is deleted.
	// +optional
	AdoptionPolicy AdoptionPolicy `json:"adoptionPolicy,omitempty"`

	// driftPolicy says what to do with a foreign URL that is found after this object has registered: Correct (in force where it is
	// left out) puts spec.url back; Warn leaves it and says so.
	// +optional
	DriftPolicy DriftPolicy `json:"driftPolicy,omitempty"`

	// deletionPolicy says what becomes of the registration when this object is deleted: Deregister (in force where it is left out) removes
	// it if it is this object's; Retain leaves it, and may also be set while a deletion waits.
	// +optional
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// interval is how often the account is listed to find drift, from 1m to 24h, for example 10m or 1h30m. Where it is left out,
	// the operator's --default-interval is in force.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(ns|us|ms|s|m|h))+$') && duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="interval must be a duration between 1m and 24h in hours, minutes and seconds, for example 10m or 1h30m"
	Interval string `json:"interval,omitempty"`

	// suspend stops all work on the account: nothing is listed, registered or corrected. A suspended object that is deleted deregisters all the same.
	// +optional
	Suspend bool `json:"suspend,omitempty"` //nolint:kubeapilinter // a pointer would only add a third state
}

// SecretReference names a Secret in the object's own namespace. There is no namespace field on purpose.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="name must be the name of a Secret: lower case letters, digits, hyphens and dots"
	Name string `json:"name,omitempty"`
}

// FotaCallbackStatus is how things stand.
type FotaCallbackStatus struct {
	// conditions are Ready, and while True one of Reconciling (the operator gets there by itself) and Stalled (a person must act).
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +patchStrategy=merge
	// +patchMergeKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"` //nolint:kubeapilinter // an empty list is no mistake: a restore may bring one

	// observedGeneration is the metadata.generation that was last handled; -1 until there is one.
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"` //nolint:kubeapilinter // a generation is never 0, so 0 may stand for "left out"

	// uid is the metadata.uid of the object that this status was written for: what is restored or copied with another one counts as empty, and is replaced.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	UID string `json:"uid,omitempty"`

	// listedGeneration is the metadata.generation with which ThingSpace last listed the account.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ListedGeneration int64 `json:"listedGeneration,omitempty"`

	// registeredURL is the spec.url that ThingSpace last accepted from this object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	RegisteredURL string `json:"registeredURL,omitempty"`

	// echoedURL is how ThingSpace wrote registeredURL, only where that differs.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	EchoedURL string `json:"echoedURL,omitempty"`

	// remoteURL is what ThingSpace last reported for the account.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	RemoteURL string `json:"remoteURL,omitempty"`

	// replacedURL is the foreign URL that this object last replaced, so that a mistake can be undone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	ReplacedURL string `json:"replacedURL,omitempty"`

	// lastHandledReconcileAt is the value of the annotation fotacallback.dev/requested-at that was last handled.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=262144
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`
}

// FotaCallback declares the callback URL of one ThingSpace account: the operator registers it, keeps it so, and deregisters it when this object is deleted.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=fotacallbacks,singular=fotacallback,shortName=fcb,scope=Namespaced
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.account`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.spec.url`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Remote",type=string,priority=1,JSONPath=`.status.remoteURL`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.account`
type FotaCallback struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the wish.
	// +required
	Spec FotaCallbackSpec `json:"spec,omitzero"`

	// status is how things stand.
	// +optional
	// +default={"observedGeneration":-1}
	Status FotaCallbackStatus `json:"status,omitzero"` //nolint:kubeapilinter // an empty status is no mistake: a restore may bring one
}

// FotaCallbackList is a list of FotaCallbacks.
//
// +kubebuilder:object:root=true
type FotaCallbackList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// items are the objects.
	Items []FotaCallback `json:"items"`
}
