package controller_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

// lightly is an operator between a Kubernetes API and a ThingSpace that cost next to nothing, so that what it allocates itself can be counted.
type lightly struct {
	reconciler *controller.Reconciler
	kube       *oneObject
	far        *oneAccount
	clock      *testclock.FakeClock
}

func newLightly(tb testing.TB) *lightly {
	tb.Helper()
	l := &lightly{kube: &oneObject{}, far: &oneAccount{}, clock: testclock.NewFakeClock(time.Now())}
	registrations, err := thingspace.New(thingspace.Config{
		BaseURL: "https://thingspace.example.com/api", Timeout: time.Minute, Clock: l.clock, Transport: l.far, Registerer: prometheus.NewRegistry(),
	})
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	l.reconciler = controller.NewReconciler(controller.Config{
		Client: l.kube, Live: l.kube, Registrations: registrations, Recorder: silent{}, Clock: l.clock,
		Settings: rules.Settings{DefaultInterval: time.Minute}, Metrics: controller.NewMetrics(prometheus.NewRegistry()),
	})
	l.creation(tb) // which signs in
	return l
}

// creation is a pass on an object that nobody has seen before.
func (l *lightly) creation(tb testing.TB) {
	tb.Helper()
	l.far.registered = false
	l.kube.created++
	l.kube.object = &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "iot", Name: "fleet", UID: types.UID(strconv.Itoa(l.kube.created)), Generation: 1, ResourceVersion: "1", CreationTimestamp: metav1.NewTime(l.clock.Now()),
		},
		Spec:   v1alpha1.FotaCallbackSpec{Account: "0000123456-00001", URL: fleetURL},
		Status: v1alpha1.FotaCallbackStatus{ObservedGeneration: -1},
	}
	l.pass(tb)
}

// check is a pass on a healthy object whose slot has come.
func (l *lightly) check(tb testing.TB) {
	tb.Helper()
	l.clock.Step(2 * time.Minute)
	l.pass(tb)
}

func (l *lightly) pass(tb testing.TB) {
	tb.Helper()
	_, err := l.reconciler.Reconcile(context.Background(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(l.kube.object)})
	if err != nil || rules.ReadyReason(l.kube.object) != v1alpha1.ReasonRegistered {
		tb.Fatal(err, l.kube.object.Status)
	}
}

// A pass of a kind, and the most that it may allocate; a little more than it does, so that a new standard library is no defect.
var passes = map[string]struct {
	most int
	run  func(*lightly, testing.TB)
}{
	"creation":      {650, (*lightly).creation},
	"routine check": {145, (*lightly).check},
}

func TestPassesAllocateLittle(t *testing.T) {
	for name, pass := range passes {
		l := newLightly(t)
		allocations := testing.AllocsPerRun(100, func() { pass.run(l, t) })
		t.Log(name, allocations)
		NewWithT(t).Expect(allocations).To(BeNumerically("<=", pass.most), name)
	}
}

func BenchmarkPass(b *testing.B) {
	for name, pass := range passes {
		b.Run(name, func(b *testing.B) {
			l := newLightly(b)
			b.ReportAllocs()
			for b.Loop() {
				pass.run(l, b)
			}
		})
	}
}

// oneObject is a Kubernetes API, and a cache of it, with one FotaCallback and one Secret.
type oneObject struct {
	client.Client

	object  *v1alpha1.FotaCallback
	created int
	version int
}

func (k *oneObject) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *corev1.Secret:
		into.UID, into.ResourceVersion = "secret", "1"
		into.Data = map[string][]byte{
			"client-id": []byte(simulator.DefaultClientID), "client-secret": []byte(simulator.DefaultClientSecret),
			"username": []byte(simulator.DefaultUsername), "password": []byte(simulator.DefaultPassword),
		}
	case *v1alpha1.FotaCallback:
		k.object.DeepCopyInto(into)
	}
	return nil
}

func (k *oneObject) List(_ context.Context, into client.ObjectList, by ...client.ListOption) error {
	var options client.ListOptions
	if options.ApplyOptions(by); strings.HasPrefix(options.FieldSelector.String(), "status.") {
		return nil // it has recorded no login
	}
	into.(*v1alpha1.FotaCallbackList).Items = []v1alpha1.FotaCallback{*k.object}
	return nil
}

func (k *oneObject) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return k.write(o, patch)
}

func (k *oneObject) Status() client.SubResourceWriter { return oneStatus{of: k} }

type oneStatus struct {
	client.SubResourceWriter

	of *oneObject
}

func (s oneStatus) Patch(_ context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.of.write(o, patch)
}

func (k *oneObject) write(o client.Object, patch client.Patch) error {
	if _, err := patch.Data(o); err != nil {
		return err
	}
	k.version++
	o.SetResourceVersion(strconv.Itoa(k.version))
	k.object = o.DeepCopyObject().(*v1alpha1.FotaCallback)
	return nil
}

// oneAccount is a ThingSpace with one account.
type oneAccount struct{ registered bool }

func (a *oneAccount) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"url":"` + fleetURL + `"}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		body = `{"access_token":"token","expires_in":86400}`
	case strings.HasSuffix(r.URL.Path, "/login"):
		body = `{"sessionToken":"session"}`
	case r.Method == http.MethodPost:
		a.registered = true
	case !a.registered:
		body = ""
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// silent records no event.
type silent struct{}

func (silent) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}
