package v1alpha1

// DefaultSecretName is the Secret that holds the credentials where spec.credentialsSecretRef is left out.
const DefaultSecretName = "thingspace-credentials"

// The defaults of spec live here and not in the CRD's schema, where they would show up as differences in GitOps tools.
// They never change within a version.

// SecretName is the name of the Secret in force.
func (s *FotaCallbackSpec) SecretName() string {
	if s.CredentialsSecretRef == nil {
		return DefaultSecretName
	}
	return s.CredentialsSecretRef.Name
}

// Overwrites says whether a foreign URL found before this object has registered is replaced.
func (s *FotaCallbackSpec) Overwrites() bool { return s.AdoptionPolicy != AdoptionIfUnregistered }

// CorrectsDrift says whether a foreign URL found after this object has registered is replaced.
func (s *FotaCallbackSpec) CorrectsDrift() bool { return s.DriftPolicy != DriftWarn }

// Retains says whether the registration stays when the object is deleted.
func (s *FotaCallbackSpec) Retains() bool { return s.DeletionPolicy == DeletionRetain }
