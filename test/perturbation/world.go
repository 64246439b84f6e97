package perturbation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const namespace = "iot"

func credentials(password string) map[string][]byte {
	return map[string][]byte{
		"client-id": []byte(simulator.DefaultClientID), "client-secret": []byte(simulator.DefaultClientSecret),
		"username": []byte(simulator.DefaultUsername), "password": []byte(password),
	}
}

// world is one run: both sides, the clock, and the process that may crash.
type world struct {
	clock   *clocktesting.FakeClock
	bus     *bus
	kube    *kube
	far     *simulator.Simulator
	process *controller.Reconciler

	wakeAt            map[types.NamespacedName]time.Time
	disturbedByOthers bool
	deregistered      map[string]bool
	failures          []string
}

func newWorld(p plan) *world {
	w := &world{
		clock: clocktesting.NewFakeClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), bus: &bus{plan: p}, deregistered: map[string]bool{},
	}
	w.kube = newKube(w)
	w.far = simulator.New(simulator.Options{Clock: w.clock})
	w.start()
	return w
}

// start is a new process: nothing is remembered.
func (w *world) start() {
	far, err := thingspace.New(thingspace.Config{
		BaseURL: "http://thingspace/api", AllowHTTP: true, Timeout: time.Minute, Clock: w.clock, Transport: w, OnRecovery: func() { w.process.APIRecovered() },
	})
	if err != nil {
		panic(err)
	}
	w.process = controller.NewReconciler(controller.Config{
		Client: w.kube, Live: w.kube, Registrations: far, Recorder: silent{}, Clock: w.clock,
		Settings: rules.Settings{DefaultInterval: 10 * time.Minute, DeregistrationGrace: 10 * time.Second},
		Metrics:  controller.NewMetrics(prometheus.NewRegistry()),
	})
	w.wakeAt = map[types.NamespacedName]time.Time{}
}

type silent struct{}

func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}

// RoundTrip implements http.RoundTripper: every call of ThingSpace goes over the bus.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	e := effect{kind: operation(r), what: r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]}
	for name, values := range r.Header { // what a wire would do
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	recorder := httptest.NewRecorder()
	lost, refused := w.bus.carry(w, e, func() { w.far.ServeHTTP(recorder, r) })
	switch {
	case lost:
		return nil, errors.New("connection reset by peer")
	case refused != nil:
		recorder = httptest.NewRecorder()
		for name, value := range refused.header {
			recorder.Header().Set(name, value)
		}
		recorder.WriteHeader(refused.status)
		_, _ = recorder.WriteString(refused.body)
	}
	return recorder.Result(), nil
}

func operation(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		return "token"
	case strings.HasSuffix(r.URL.Path, "/login"):
		return "login"
	}
	return map[string]string{http.MethodGet: "list", http.MethodPost: "register", http.MethodPut: "update", http.MethodDelete: "deregister"}[r.Method]
}

// settle lets the process work until nothing is due before the horizon.
func (w *world) settle(horizon time.Duration) {
	end := w.clock.Now().Add(horizon)
	for range 10_000 {
		w.round()
		next := end
		for _, at := range w.wakeAt {
			if at.Before(next) {
				next = at
			}
		}
		if !next.Before(end) {
			w.clock.SetTime(end)
			return
		}
		if next.After(w.clock.Now()) {
			w.clock.SetTime(next)
		}
	}
	w.failf("it does not settle")
}

// round wakes every object, as a watch would after any change, and again as long as that has effects.
func (w *world) round() {
	for range 50 {
		before := len(w.bus.trace)
		for _, name := range w.names() {
			w.reconcile(name)
		}
		if len(w.bus.trace) == before {
			return
		}
	}
	w.failf("it works without end at one point in time")
}

func (w *world) names() []types.NamespacedName {
	var names []types.NamespacedName
	for name := range w.kube.objects {
		names = append(names, name)
	}
	for name := range w.wakeAt {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b types.NamespacedName) int { return compare(a.Name, b.Name) })
	return names
}

func (w *world) reconcile(name types.NamespacedName) {
	defer func() {
		if thrown := recover(); thrown != nil {
			if _, ok := thrown.(crash); !ok {
				panic(thrown)
			}
			w.start()
		}
	}()
	result, err := w.process.Reconcile(context.Background(), reconcile.Request{NamespacedName: name})
	delete(w.wakeAt, name)
	switch {
	case err != nil:
		w.wakeAt[name] = w.clock.Now().Add(time.Second)
	case result.RequeueAfter > 0:
		w.wakeAt[name] = w.clock.Now().Add(result.RequeueAfter)
	}
}

func (w *world) failf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

// outcome is what counts in the end.
func (w *world) outcome() string {
	var lines []string
	for account, url := range w.far.Registrations() {
		lines = append(lines, "far "+account+" = "+url)
	}
	for _, o := range w.kube.sorted() {
		var conditions []string
		for _, c := range o.Status.Conditions {
			conditions = append(conditions, c.Type+"="+string(c.Status)+" "+c.Reason)
		}
		slices.Sort(conditions)
		lines = append(lines, fmt.Sprintf("object %s %v registered=%s finalizers=%v intent=%s", o.Name, conditions, o.Status.RegisteredURL, o.Finalizers, rules.LastSentURL(o)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func callback(name, account, url string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.FotaCallbackSpec{Account: account, URL: url},
	}
}
