package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const (
	secretName = "thingspace-credentials"
	fleetURL   = "https://fota.example.com/callbacks/east-7c1f"
	foreignURL = "https://elsewhere.example.net/hook"
)

// movableClock is the real clock, moved forward on demand, so that nobody waits for a slot.
type movableClock struct {
	clock.RealClock
	offset atomic.Int64
}

func (c *movableClock) Now() time.Time                  { return c.RealClock.Now().Add(time.Duration(c.offset.Load())) }
func (c *movableClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }
func (c *movableClock) move(by time.Duration)           { c.offset.Add(int64(by)) }

// world is one spec's own: a namespace, a ThingSpace, and an operator that can be stopped and started.
type world struct {
	ctx       context.Context
	namespace string
	// another is a namespace of somebody else's; empty where there is none.
	another  string
	far      *simulator.Simulator
	farURL   string
	clock    *movableClock
	settings rules.Settings
	user     client.Client
	writes   *writeCounter
	registry *prometheus.Registry
	stop     func()
}

var worlds atomic.Int64

// newWorld makes everything but the operator, which start starts.
func newWorld(ctx context.Context, options simulator.Options) *world {
	w := &world{
		ctx: ctx, clock: &movableClock{}, settings: rules.Settings{DefaultInterval: 10 * time.Minute},
		writes: &writeCounter{}, namespace: fmt.Sprintf("spec-%d", worlds.Add(1)),
	}
	options.Clock = w.clock
	w.far = simulator.New(options)
	server := httptest.NewServer(w.far)
	DeferCleanup(server.Close)
	w.farURL = server.URL + "/api"

	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	var err error
	w.user, err = client.New(apiServer, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	Expect(w.user.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}})).To(Succeed())
	DeferCleanup(func() {
		if w.stop != nil {
			w.stop()
		}
	})
	return w
}

// start starts an operator as a process would be: with nothing remembered.
func (w *world) start() {
	GinkgoHelper()
	w.registry = prometheus.NewRegistry()
	restConfig := rest.CopyConfig(apiServer)
	restConfig.QPS = -1
	restConfig.Wrap(w.writes.wrap)
	namespaces, caches := []string{w.namespace}, map[string]cache.Config{w.namespace: {}}
	if w.another != "" {
		namespaces, caches[w.another] = append(namespaces, w.another), cache.Config{}
	}
	manager, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme: w.user.Scheme(),
		Cache: cache.Options{
			DefaultNamespaces: caches,
			ByObject:          map[client.Object]cache.ByObject{&v1alpha1.FotaCallback{}: {Transform: controller.TrimInCache}},
		},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	Expect(err).NotTo(HaveOccurred())

	var reconciler *controller.Reconciler
	far, err := thingspace.New(thingspace.Config{
		Logins:  w.loginRecord(manager),
		BaseURL: w.farURL, AllowHTTP: true, Timeout: 5 * time.Second, Clock: w.clock, Registerer: w.registry,
		OnRecovery: func() { reconciler.APIRecovered() },
	})
	Expect(err).NotTo(HaveOccurred())
	reconciler = controller.NewReconciler(controller.Config{
		Client: manager.GetClient(), Live: manager.GetAPIReader(), Namespaces: namespaces, Registrations: far,
		Recorder: manager.GetEventRecorder("spec"), Clock: w.clock, Settings: w.settings, Metrics: controller.NewMetrics(w.registry),
	})
	ctx, cancel := context.WithCancel(w.ctx)
	Expect(reconciler.SetupWithManager(ctx, manager, 8, 15*time.Second)).To(Succeed())
	w.registry.MustRegister(reconciler.Collector(manager.Elected()))
	var ended sync.WaitGroup
	ended.Go(func() {
		defer GinkgoRecover()
		Expect(manager.Start(ctx)).To(Succeed())
	})
	w.stop = func() {
		cancel()
		ended.Wait()
		w.stop = nil
	}
}

// loginRecord is the operator's, in the namespace of the world.
func (w *world) loginRecord(manager ctrl.Manager) *logins.Store {
	return logins.NewStore(struct {
		client.Reader
		client.Writer
	}{manager.GetAPIReader(), manager.GetClient()}, types.NamespacedName{Namespace: w.namespace, Name: "logins"}, w.clock)
}

// freeUser removes a user's login record, as an administrator does.
func (w *world) freeUser(username string) {
	GinkgoHelper()
	record := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "logins"}}
	patch := client.RawPatch(types.JSONPatchType, fmt.Appendf(nil, `[{"op":"remove","path":"/data/%s"}]`, logins.Key(thingspace.Sensitive(username))))
	Expect(w.user.Patch(w.ctx, record, patch)).To(Succeed())
}

// stranger makes a namespace of somebody else's that the operator watches too, without a Secret.
func (w *world) stranger() {
	GinkgoHelper()
	w.another = w.namespace + "-another"
	Expect(w.user.Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.another}})).To(Succeed())
}

// restart stops the operator and starts one that remembers nothing.
func (w *world) restart() {
	GinkgoHelper()
	w.stop()
	w.start()
}

// credentials writes the Secret that objects use where they name none.
func (w *world) credentials(username, password string) *corev1.Secret {
	GinkgoHelper()
	return w.secret(secretName, username, password)
}

func (w *world) secret(name, username, password string) *corev1.Secret {
	GinkgoHelper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID + "\n", "client-secret": " " + simulator.DefaultClientSecret,
			"username": username, "password": password,
		},
	}
	err := w.user.Create(w.ctx, secret.DeepCopy())
	if apierrors.IsAlreadyExists(err) {
		err = w.user.Patch(w.ctx, secret, client.Merge)
	}
	Expect(err).NotTo(HaveOccurred())
	return secret
}

func (w *world) goodCredentials() {
	w.credentials(simulator.DefaultUsername, simulator.DefaultPassword)
}

// callback is a FotaCallback with only what it must have.
func (w *world) callback(name, account, url string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec:       v1alpha1.FotaCallbackSpec{Account: account, URL: url},
	}
}

func (w *world) create(o *v1alpha1.FotaCallback, changes ...func(*v1alpha1.FotaCallback)) *v1alpha1.FotaCallback {
	GinkgoHelper()
	for _, change := range changes {
		change(o)
	}
	Expect(w.user.Create(w.ctx, o)).To(Succeed())
	return o
}

// edit changes an object as a user does.
func (w *world) edit(o *v1alpha1.FotaCallback, change func(*v1alpha1.FotaCallback)) {
	GinkgoHelper()
	live := w.get(o)
	patch := client.MergeFrom(live.DeepCopy())
	change(live)
	Expect(w.user.Patch(w.ctx, live, patch)).To(Succeed())
}

// request asks for a check by the annotation.
func (w *world) request(o *v1alpha1.FotaCallback, at string) {
	GinkgoHelper()
	w.edit(o, func(o *v1alpha1.FotaCallback) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, at)
	})
}

// wake touches an object, so that the operator looks whether it is due: what its queue would do when the moved clock's time comes.
func (w *world) wake(o *v1alpha1.FotaCallback) {
	GinkgoHelper()
	w.edit(o, func(o *v1alpha1.FotaCallback) {
		metav1.SetMetaDataLabel(&o.ObjectMeta, "woken", strconv.FormatInt(time.Now().UnixNano(), 10))
	})
}

// pass lets time go by and wakes the object.
func (w *world) pass(o *v1alpha1.FotaCallback, by time.Duration) {
	GinkgoHelper()
	w.clock.move(by)
	w.wake(o)
}

func (w *world) delete(o *v1alpha1.FotaCallback) {
	GinkgoHelper()
	Expect(w.user.Delete(w.ctx, o)).To(Succeed())
}

func (w *world) get(o *v1alpha1.FotaCallback) *v1alpha1.FotaCallback {
	GinkgoHelper()
	var live v1alpha1.FotaCallback
	Expect(w.user.Get(w.ctx, client.ObjectKeyFromObject(o), &live)).To(Succeed())
	return &live
}

// reason is Ready's, where status speaks of the object as it is.
func (w *world) reason(o *v1alpha1.FotaCallback) func(Gomega) string {
	return func(g Gomega) string {
		var live v1alpha1.FotaCallback
		g.Expect(w.user.Get(w.ctx, client.ObjectKeyFromObject(o), &live)).To(Succeed())
		if !rules.Handled(&live) {
			return "not handled yet"
		}
		return rules.ReadyReason(&live)
	}
}

func (w *world) eventually(o *v1alpha1.FotaCallback, reason string) {
	GinkgoHelper()
	Eventually(w.reason(o)).Should(Equal(reason))
}

// conditions are an object's, as Type=Status.
func (w *world) conditions(o *v1alpha1.FotaCallback) []string {
	var all []string
	for _, condition := range w.get(o).Status.Conditions {
		all = append(all, condition.Type+"="+string(condition.Status))
	}
	return all
}

func (w *world) message(o *v1alpha1.FotaCallback) string {
	if ready := meta.FindStatusCondition(w.get(o).Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return ready.Message
	}
	return ""
}

func (w *world) gone(o *v1alpha1.FotaCallback) {
	GinkgoHelper()
	Eventually(func() bool {
		return apierrors.IsNotFound(w.user.Get(w.ctx, client.ObjectKeyFromObject(o), &v1alpha1.FotaCallback{}))
	}).Should(BeTrue())
}

// quiet makes sure that the operator has worked off what it was woken for: it sees a marker object through to its end.
func (w *world) quiet() {
	GinkgoHelper()
	marker := w.create(w.callback("marker-"+strconv.FormatInt(worlds.Add(1), 10), fmt.Sprintf("marker-%d", worlds.Add(1)), fleetURL),
		func(o *v1alpha1.FotaCallback) { o.Spec.Suspend = true })
	w.eventually(marker, v1alpha1.ReasonSuspended)
	w.delete(marker)
	w.gone(marker)
}

// events are the reasons of an object's events, oldest first as far as the API tells.
func (w *world) events(o *v1alpha1.FotaCallback) []string {
	var list eventsv1.EventList
	Expect(w.user.List(w.ctx, &list, client.InNamespace(w.namespace))).To(Succeed())
	var reasons []string
	for _, event := range list.Items {
		if event.Regarding.Name == o.Name {
			reasons = append(reasons, event.Reason)
		}
	}
	return reasons
}

// calls are the far side's, without sign-ins, oldest first.
func (w *world) calls() []string {
	var all []string
	for _, request := range w.far.Requests() {
		if request.Operation != "token" && request.Operation != "login" {
			all = append(all, request.Operation)
		}
	}
	return all
}

// writeCounter counts what an operator writes to FotaCallbacks.
type writeCounter struct{ n atomic.Int64 }

func (c *writeCounter) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && strings.Contains(r.URL.Path, "/fotacallbacks") {
			c.n.Add(1)
		}
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
