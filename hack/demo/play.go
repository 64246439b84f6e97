package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// play is the stage with its one actor.
type play struct {
	*stage.Stage
	operator *stage.Process
}

// applySamples creates what config/samples holds, but without the policies that would make a dull play.
func (s *play) applySamples(ctx context.Context) error {
	for _, name := range []string{"secret.yaml", "fotacallback.yaml"} {
		raw, err := os.ReadFile(filepath.Join("config/samples", name))
		if err != nil {
			return err
		}
		documents := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
		for {
			var object client.Object = fotaCallback("")
			if name == "secret.yaml" {
				object = &corev1.Secret{}
			}
			if err := documents.Decode(object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			object.SetNamespace("default")
			if err := s.Client.Create(ctx, object); err != nil {
				return fmt.Errorf("apply %s: %w", name, err)
			}
		}
	}
	return nil
}

func fotaCallback(name string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
}

func (s *play) ready(ctx context.Context, name string) (bool, error) {
	o := fotaCallback(name)
	err := s.Client.Get(ctx, client.ObjectKeyFromObject(o), o)
	return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady), err
}

func (s *play) requestCheck(ctx context.Context, name string) error {
	o := fotaCallback(name)
	if err := s.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
		return err
	}
	before := client.MergeFrom(o.DeepCopy())
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, time.Now().Format(time.RFC3339Nano))
	return s.Client.Patch(ctx, o, before)
}

// print shows the objects as kubectl does.
func (s *play) print(ctx context.Context) {
	kubectl := exec.CommandContext(ctx, filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), //nolint:gosec // our own binary
		"--kubeconfig", s.Kubeconfig, "get", "fotacallbacks", "-o", "wide")
	kubectl.Stdout, kubectl.Stderr = os.Stdout, os.Stderr
	_ = kubectl.Run()
}

func (s *play) registerByHand(ctx context.Context, account, url string) error {
	return s.Simulator(ctx, http.MethodPut, "registrations/"+account, fmt.Sprintf(`{"url":%q}`, url), nil)
}

// registered is what the simulator holds for an account; empty for nothing.
func (s *play) registered(ctx context.Context, account string) (string, error) {
	all, err := s.Registrations(ctx)
	return all[account], err
}
