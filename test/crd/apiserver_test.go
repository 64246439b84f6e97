// Package crd_test holds the CustomResourceDefinition to its contract on a real API server: what it lets in, what it says when it does not,
// and that it judges as the operator's own check does.
package crd_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	anAccount = "0000123456-00001"
	aURL      = "https://fota.example.com/callbacks"
)

var (
	apiServer *rest.Config
	users     client.Client
)

func TestMain(m *testing.M) {
	code, err := withAPIServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start an API server (KUBEBUILDER_ASSETS=$(hack/control-plane/ensure)):", err)
		code = 1
	}
	os.Exit(code)
}

func withAPIServer(m *testing.M) (code int, err error) {
	environment := &envtest.Environment{CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true}
	defer func() {
		if stopErr := environment.Stop(); err == nil {
			err = stopErr
		}
	}()
	if apiServer, err = environment.Start(); err != nil {
		return 0, err
	}
	apiServer.QPS = -1 // some thousand objects are tried
	if users, err = client.New(apiServer, client.Options{}); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// fields are a spec as a user writes it: anything may be wrong or missing.
type fields map[string]any

// with is a copy of a valid spec in which some fields are others; nil leaves one out.
func with(changes fields) fields {
	spec := fields{"account": anAccount, "url": aURL}
	for name, value := range changes {
		if value == nil {
			delete(spec, name)
		} else {
			spec[name] = value
		}
	}
	return spec
}

// object is a FotaCallback without a name: the API server gives it one.
func object(spec fields) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any(spec)}}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("FotaCallback"))
	o.SetNamespace("default")
	o.SetGenerateName("it-")
	return o
}

// admit asks the API server for its verdict, as kubectl apply does; nothing is stored. It returns the reasons of a refusal, "" where there is none.
func admit(ctx context.Context, t *testing.T, spec fields) string {
	t.Helper()
	err := users.Create(ctx, object(spec), client.DryRunAll, client.FieldValidation("Strict"))
	switch {
	case err == nil:
		return ""
	case apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "strict decoding error"):
		return err.Error()
	}
	t.Fatalf("spec %q: the API server gave no verdict: %v", spec, err)
	return ""
}
