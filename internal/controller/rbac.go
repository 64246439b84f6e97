package controller

// What the operator may do, and no more. Secrets are read by name, so get is enough; controller-gen writes config/rbac/role.yaml from this.
//
// +kubebuilder:rbac:groups=fotacallback.dev,resources=fotacallbacks,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=fotacallback.dev,resources=fotacallbacks/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
