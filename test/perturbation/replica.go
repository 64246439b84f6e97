package perturbation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fota-callback-operator/fota-callback-operator/internal/controller"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
)

const base = "http://thingspace/api"

// replica is one process of the operator: it remembers nothing of those before it.
type replica struct {
	world      *world
	reconciler *controller.Reconciler
	metrics    *prometheus.Registry
	events
	record *logins.Store
	// logins are those that this process has made.
	logins processLogins
	// working is the object that it works on.
	working types.NamespacedName
	// notBefore is the end of the last Retry-After that it was given, with each password.
	notBefore map[string]time.Time
	// listed is what the far side held of each account when it last answered a list or a change; proof is what Kubernetes held at the last live read or patch,
	// which was at provedAt: zero where a call has come in between, so that the proof is used up.
	listed   map[string]string
	proof    int
	provedAt time.Time
	// mutations is how many changes it has made at the far side. inVain says that its last call met an outage, or a session that had ended meanwhile, and
	// is none.
	mutations int
	inVain    bool
	// failures is how often in a row a reconciliation of an object has failed: the next one waits longer.
	failures map[types.NamespacedName]int
	// turns makes it wait for its turn before each effect; nil where it runs alone.
	turns *turns
}

func (w *world) newReplica() *replica {
	r := &replica{world: w, metrics: prometheus.NewRegistry(), events: newEvents(), listed: map[string]string{}, notBefore: map[string]time.Time{}, failures: map[types.NamespacedName]int{}}
	r.logins = processLogins{refused: map[string]bool{}}
	r.record = logins.NewStore(recordAPI{r}, recordName, w.clock)
	far, err := thingspace.New(thingspace.Config{
		Logins:  r.record,
		BaseURL: base, AllowHTTP: true, Timeout: time.Minute, Clock: w.clock, Transport: r, Registerer: r.metrics,
		OnRecovery: func() { r.reconciler.APIRecovered() },
	})
	if err != nil {
		panic(err)
	}
	var namespaces []string
	if s := w.bus.plan.stale; s != nil && s.back {
		namespaces = []string{namespace, "another"}
	}
	r.reconciler = controller.NewReconciler(controller.Config{
		Namespaces: namespaces,
		Client:     &cache{replica: r}, Live: live{r}, Registrations: far, Recorder: recorder{w}, Clock: w.clock,
		Settings: rules.Settings{DefaultInterval: interval, DeregistrationGrace: 10 * time.Second},
		Metrics:  controller.NewMetrics(r.metrics),
	})
	return r
}

// recorder keeps events among what the operator shows.
type recorder struct{ world *world }

// Eventf implements events.EventRecorder.
func (r recorder) Eventf(_, _ runtime.Object, kind, reason, action, note string, args ...any) {
	r.world.show(kind, reason, action, fmt.Sprintf(note, args...))
}

// context carries a logger that writes down everything, however unimportant.
func (w *world) context() context.Context {
	return log.IntoContext(context.Background(), funcr.New(func(prefix, args string) { w.show(prefix, args) }, funcr.Options{Verbosity: 100}))
}

// reconcile works on one object. crashed says that the process ended on the way.
func (r *replica) reconcile(name types.NamespacedName) (crashed bool) {
	defer recoverCrash(&crashed)
	r.working = name
	result, err := r.reconciler.Reconcile(r.world.context(), reconcile.Request{NamespacedName: name})
	delete(r.wakeAt, name)
	switch {
	case err != nil:
		r.world.show(err.Error())
		r.wakeAt[name] = r.world.clock.Now().Add(min(time.Second<<r.failures[name], longestBackoff))
		r.failures[name] = min(r.failures[name]+1, 10)
		return false
	case result.RequeueAfter > 0:
		r.wakeAt[name] = r.world.clock.Now().Add(result.RequeueAfter)
	}
	delete(r.failures, name)
	return false
}

// settles writes the outcomes of logins that could not be written, as the process does in the background. crashed says that it ended on the way.
func (r *replica) settles() (crashed bool) {
	defer recoverCrash(&crashed)
	r.record.Retry(r.world.context())
	return false
}

func recoverCrash(crashed *bool) {
	if thrown := recover(); thrown != nil {
		if _, *crashed = thrown.(crash); !*crashed {
			panic(thrown)
		}
	}
}

// proves says that the process has just seen or written the newest version.
func (r *replica) proves() { r.proof, r.provedAt = len(r.world.kube.revisions), r.world.clock.Now() }

// carry is the bus as this process reaches it.
func (r *replica) carry(e effect, apply func()) (lost bool, refused *refusal) {
	if r.turns != nil && !e.signsIn() {
		r.turns.await()
	}
	e.act, e.by = r.world.act, r
	lost, refused = r.world.bus.carry(r.world, e, apply)
	if !e.ofKubernetes() {
		r.provedAt = time.Time{}
	}
	return lost, refused
}

// RoundTrip implements http.RoundTripper: every call of ThingSpace goes over the bus.
func (r *replica) RoundTrip(request *http.Request) (*http.Response, error) {
	e := effect{kind: operation(request), what: request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]}
	if !strings.HasPrefix(request.URL.String(), base+"/") {
		r.world.failf(oracleOneHost, "%s to %s", e, request.URL.Host)
	}
	for name, values := range request.Header { // what a wire would do
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{}) // from here on, a call may have been heard
	}
	recorder := httptest.NewRecorder()
	password := r.world.kube.passwordOf(r.working)
	if r.world.clock.Now().Before(r.notBefore[password]) {
		r.world.failf(oracleWaits, "%s before the end of a Retry-After", e)
	}
	e.url = r.sentURL(request)
	attempt := r.attempt(request, e)
	lost, refused := r.carry(e, func() {
		attempt.answered(func() int {
			r.world.far.ServeHTTP(recorder, request)
			r.inVain = recorder.Code >= 400 && (r.world.denied || strings.Contains(recorder.Body.String(), "SessionToken"))
			return recorder.Code
		})
	})
	if refused != nil {
		if !refused.byGateway {
			attempt.looksRefused(refused)
			attempt.made(refused.status, false)
		}
		recorder = httptest.NewRecorder()
		for name, value := range refused.header {
			recorder.Header().Set(name, value)
		}
		recorder.WriteHeader(refused.status)
		_, _ = recorder.WriteString(refused.body)
	}
	if e.kind == "list" && !lost {
		r.world.hasAsked(r.working, recorder.Code, recorder.Body.Bytes())
	}
	if lost {
		return nil, errors.New("connection reset by peer")
	}
	if seconds, err := strconv.Atoi(recorder.Header().Get("Retry-After")); err == nil && recorder.Code == http.StatusTooManyRequests {
		r.notBefore[password] = r.world.clock.Now().Add(time.Duration(seconds) * time.Second)
	}
	attempt.heard()
	if e.signsIn() && recorder.Code == http.StatusOK {
		r.world.keepSecrets(recorder.Body.Bytes())
	}
	return recorder.Result(), nil
}

// sentURL is the callback URL in a request; empty where there is none.
func (r *replica) sentURL(request *http.Request) string {
	if request.Body == nil { // net/http's own, after a redirect
		request.Body = http.NoBody
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		panic(err)
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	var sent struct {
		URL string `json:"url"`
	}
	_ = json.Unmarshal(body, &sent) // a token's body is no JSON
	return sent.URL
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
