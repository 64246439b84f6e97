package controller_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins/loginstest"
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
	name       string
	healthy    *v1alpha1.FotaCallback
}

func newLightly(tb testing.TB) *lightly {
	tb.Helper()
	l := &lightly{name: "fleet", kube: &oneObject{}, far: &oneAccount{}, clock: testclock.NewFakeClock(time.Now())}
	record, _ := loginstest.NewStore(l.clock)
	registrations, err := thingspace.New(thingspace.Config{
		Logins:  record,
		BaseURL: "https://thingspace.example.com/api", Timeout: time.Minute, Clock: l.clock, Transport: l.far, Registerer: prometheus.NewRegistry(),
	})
	NewWithT(tb).Expect(err).NotTo(HaveOccurred())
	l.reconciler = controller.NewReconciler(controller.Config{
		Client: l.kube, Live: l.kube, Registrations: registrations, Recorder: silent{}, Clock: l.clock,
		Settings: rules.Settings{DefaultInterval: time.Minute}, Metrics: controller.NewMetrics(prometheus.NewRegistry()),
	})
	l.creation(tb) // which signs in
	l.healthy = l.kube.object
	return l
}

// creation is a pass on an object that nobody has seen before.
func (l *lightly) creation(tb testing.TB) {
	tb.Helper()
	l.far.url = ""
	l.kube.created++
	l.kube.object = &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "iot", Name: l.name, UID: types.UID(strconv.Itoa(l.kube.created)), Generation: 1, ResourceVersion: "1", CreationTimestamp: metav1.NewTime(l.clock.Now()),
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

// edit is a pass on an object whose URL somebody has changed.
func (l *lightly) edit(tb testing.TB) {
	tb.Helper()
	o := l.kube.object
	o.Generation++
	o.Spec.URL = fleetURL + "/" + strconv.FormatInt(o.Generation%2, 10)
	l.pass(tb)
}

// deletion is a pass on an object that somebody has deleted, and that this process has never seen before.
func (l *lightly) deletion(tb testing.TB) {
	tb.Helper()
	l.kube.created++
	o := l.healthy.DeepCopy()
	o.UID = types.UID(strconv.Itoa(l.kube.created))
	o.Status.UID, o.Annotations[v1alpha1.LastSentByAnnotation] = string(o.UID), string(o.UID)
	o.DeletionTimestamp = &metav1.Time{Time: l.clock.Now()}
	l.kube.object, l.far.url = o, o.Spec.URL
	l.reconcile(tb)
	if len(l.kube.object.Finalizers) > 0 || l.far.url != "" {
		tb.Fatal(l.kube.object.Status)
	}
}

func (l *lightly) pass(tb testing.TB) {
	tb.Helper()
	l.reconcile(tb)
	if rules.ReadyReason(l.kube.object) != v1alpha1.ReasonRegistered || l.far.url != l.kube.object.Spec.URL {
		tb.Fatal(l.kube.object.Status)
	}
}

func (l *lightly) reconcile(tb testing.TB) {
	tb.Helper()
	if _, err := l.reconciler.Reconcile(context.Background(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(l.kube.object)}); err != nil {
		tb.Fatal(err)
	}
}

// A pass of a kind, and the most that it may allocate: a twentieth more than it does, so that a new standard library is no defect.
var passes = map[string]struct {
	most float64
	run  func(*lightly, testing.TB)
}{
	"creation":      {650, (*lightly).creation},
	"routine check": {136, (*lightly).check},
	"edit":          {809, (*lightly).edit},
	"deletion":      {571, (*lightly).deletion},
}

func TestPassesAllocateLittle(t *testing.T) {
	for name, pass := range passes {
		l := newLightly(t)
		allocations := testing.AllocsPerRun(100, func() { pass.run(l, t) })
		t.Log(name, allocations)
		NewWithT(t).Expect(allocations).To(BeNumerically("<=", pass.most*underRace), name)
	}
}

func BenchmarkPass(b *testing.B) {
	log.SetLogger(logr.Discard()) // a warning about none would come among the results
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
	all     []v1alpha1.FotaCallback // where it has more than that one
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
	if options.ApplyOptions(by); options.FieldSelector != nil && strings.HasPrefix(options.FieldSelector.String(), "status.") {
		return nil // it has recorded no login
	}
	into.(*v1alpha1.FotaCallbackList).Items = k.all
	if k.all == nil {
		into.(*v1alpha1.FotaCallbackList).Items = []v1alpha1.FotaCallback{*k.object}
	}
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
type oneAccount struct{ url string }

func (a *oneAccount) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		body = `{"access_token":"token","expires_in":86400}`
	case strings.HasSuffix(r.URL.Path, "/login"):
		body = `{"sessionToken":"session"}`
	case r.Method == http.MethodDelete:
		a.url, body = "", `{"success":true}`
	case r.Method == http.MethodGet && a.url != "":
		body = `{"url":"` + a.url + `"}`
	case r.Method == http.MethodPost, r.Method == http.MethodPut:
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(sent)
		a.url = strings.TrimSuffix(strings.TrimPrefix(body, `{"url":"`), `"}`)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// silent records no event.
type silent struct{}

func (silent) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}
