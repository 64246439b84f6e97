package v1alpha1

// Names that the operator writes into an object's metadata.
const (
	// Finalizer keeps a deleted FotaCallback until its URL is deregistered, handed over or let go.
	Finalizer = "fotacallback.dev/deregister"

	// LastSentURLAnnotation holds the URL that the operator was about to send when it last decided to: the intent
	// that is written before the effect, so that a crash between the two leaves no registration without an owner.
	LastSentURLAnnotation = "fotacallback.dev/last-sent-url"

	// LastSentByAnnotation holds the UID of the object that LastSentURLAnnotation was written for: one that was copied or
	// restored with the metadata of another says nothing.
	LastSentByAnnotation = "fotacallback.dev/last-sent-by"

	// RequestedAtAnnotation asks for a check now; any new value counts. The one last handled is
	// status.lastHandledReconcileAt.
	RequestedAtAnnotation = "fotacallback.dev/requested-at"
)

// Condition types. Ready is there once the object is handled; Reconciling and Stalled only while True, never both.
const (
	// ConditionReady says whether ThingSpace sends the account's events to spec.url.
	ConditionReady = "Ready"
	// ConditionReconciling is True while the operator gets there by itself.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is True while a person must act.
	ConditionStalled = "Stalled"
)

// Reasons of Ready; Reconciling and Stalled carry the same one.
const (
	// ReasonRegistered (True): what is registered is what spec.url says.
	ReasonRegistered = "Registered"
	// ReasonProgressing (Reconciling): a pass ended without a verdict and runs again.
	ReasonProgressing = "Progressing"
	// ReasonCredentialsNotFound (Reconciling): the Secret or one of its keys is missing, empty or unusable.
	ReasonCredentialsNotFound = "CredentialsNotFound"
	// ReasonAPIUnavailable (Reconciling): ThingSpace could not be reached, timed out or failed.
	ReasonAPIUnavailable = "APIUnavailable"
	// ReasonRateLimited (Reconciling): ThingSpace asked to wait.
	ReasonRateLimited = "RateLimited"
	// ReasonUnexpectedResponse (Reconciling): ThingSpace answered something that cannot be trusted.
	ReasonUnexpectedResponse = "UnexpectedResponse"
	// ReasonCredentialsRejected (Stalled): the token or the login was refused.
	ReasonCredentialsRejected = "CredentialsRejected"
	// ReasonAccessDenied (Stalled): signed in, but not allowed to this account.
	ReasonAccessDenied = "AccessDenied"
	// ReasonRequestRejected (Stalled): ThingSpace refused the request itself.
	ReasonRequestRejected = "RequestRejected"
	// ReasonInvalidSpec (Stalled): the operator refuses to send what spec says.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonAccountConflict (Reconciling for a minute, then Stalled): another FotaCallback owns the account.
	ReasonAccountConflict = "AccountConflict"
	// ReasonExistingRegistration (Stalled): adoptionPolicy IfUnregistered met a foreign URL.
	ReasonExistingRegistration = "ExistingRegistration"
	// ReasonDrifted (Stalled): driftPolicy Warn met a foreign URL.
	ReasonDrifted = "Drifted"
	// ReasonSuspended (Ready Unknown): spec.suspend.
	ReasonSuspended = "Suspended"
	// ReasonDeregistering (Reconciling): being deleted, and not done yet.
	ReasonDeregistering = "Deregistering"
)

// Reasons of events that are no reason of Ready; each failing reason above is an event's as well.
const (
	// EventRegistered: a URL was registered.
	EventRegistered = "Registered"
	// EventAdopted: an equal URL was there already, and belongs to this object from now on.
	EventAdopted = "Adopted"
	// EventUpdated: a registered URL was replaced by what spec.url says now.
	EventUpdated = "Updated"
	// EventDriftCorrected: what somebody else had changed was put right.
	EventDriftCorrected = "DriftCorrected"
	// EventDriftDetected: what somebody else had changed was left, as driftPolicy says.
	EventDriftDetected = "DriftDetected"
	// EventContended: somebody else keeps changing the registration.
	EventContended = "Contended"
	// EventDeregistered: the registration was removed.
	EventDeregistered = "Deregistered"
	// EventHandedOver: the registration was left to the account's next owner.
	EventHandedOver = "HandedOver"
	// EventRetained: the registration was left, as deletionPolicy says.
	EventRetained = "Retained"
	// EventDeregistrationSkipped: the registration was left, because it is somebody else's.
	EventDeregistrationSkipped = "DeregistrationSkipped"
)
