// Package process tests the real binaries: what only a process that dies, or many objects at once, can show.
package process_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/canary"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

var set *stage.Stage

// stage.LoginRecordNamespace is where operators outside of a cluster have their login record.

func TestMain(m *testing.M) {
	os.Exit(stage.Run("../..", []string{"--latency=20ms"}, func(s *stage.Stage) (int, error) {
		set = s
		return m.Run(), nil
	}))
}

// namespace makes a namespace with credentials, and empties the simulator's record and the operator's of logins.
func namespace(t *testing.T, name string) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(set.ForgetLogins(t.Context(), stage.LoginRecordNamespace)).To(Succeed())
	g.Expect(set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})).To(Succeed())
	g.Expect(set.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	})).To(Succeed())
	g.Expect(set.Simulator(t.Context(), http.MethodDelete, "requests", "", nil)).To(Succeed())
}

func operator(t *testing.T, args ...string) *stage.Process {
	t.Helper()
	process, err := set.StartOperator(args...)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() {
		process.Kill()
		if t.Failed() {
			text, _ := os.ReadFile(set.OperatorLog())
			t.Logf("the operator's log ends:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return process
}

func callback(namespace string, n int) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("fleet-%d", n)},
		Spec:       v1alpha1.FotaCallbackSpec{Account: fmt.Sprintf("%s-%d", namespace, n), URL: wish(n, 1)},
	}
}

func wish(n, version int) string { return fmt.Sprintf("https://fota.example.com/%d/v%d", n, version) }

func list(t *testing.T, namespace string) []v1alpha1.FotaCallback {
	t.Helper()
	var all v1alpha1.FotaCallbackList
	NewWithT(t).Expect(set.Client.List(t.Context(), &all, client.InNamespace(namespace))).To(Succeed())
	return all.Items
}

func readyCount(t *testing.T, namespace string) int {
	t.Helper()
	ready := 0
	for _, o := range list(t, namespace) {
		if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady) && o.Status.ObservedGeneration == o.Generation {
			ready++
		}
	}
	return ready
}

// Thirty objects are created, edited and deleted while the operator is killed at random moments. In the end the far side holds what the objects
// that are left say, and nobody else's registration has been touched.
func TestKilledAtRandomMoments(t *testing.T) {
	const objects = 30
	g := NewWithT(t)
	ctx := t.Context()
	namespace(t, "crash")
	g.Expect(set.Simulator(ctx, http.MethodPut, "registrations/somebody-elses", `{"url":"https://elsewhere.example.net/hook"}`, nil)).To(Succeed())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	// One who kills, while one who edits goes through three phases.
	stop, killed := make(chan struct{}), make(chan int)
	go func() {
		kills := 0
		for {
			// Each life is to get as far as it can: without a record, none waits for the user's minute.
			err := set.ForgetLogins(ctx, stage.LoginRecordNamespace)
			var process *stage.Process
			if err == nil {
				process, err = set.StartOperator("--deregistration-grace=0", "--thingspace-qps=0")
			}
			if err != nil {
				t.Error(err)
				killed <- kills
				return
			}
			select {
			case <-stop:
				process.Kill()
				killed <- kills
				return
			case <-time.After(time.Duration(200+random.IntN(900)) * time.Millisecond):
				process.Kill()
				kills++
			}
		}
	}()
	pause := func() { time.Sleep(100 * time.Millisecond) } // spreads the edits over several lives of the operator
	for n := range objects {
		g.Expect(set.Client.Create(ctx, callback("crash", n))).To(Succeed())
		pause()
	}
	for n := range objects {
		g.Expect(retry.RetryOnConflict(retry.DefaultRetry, func() error {
			o := callback("crash", n)
			if err := set.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
				return err
			}
			o.Spec.URL = wish(n, 2)
			return set.Client.Update(ctx, o)
		})).To(Succeed())
		pause()
	}
	for n := 0; n < objects; n += 2 {
		g.Expect(set.Client.Delete(ctx, callback("crash", n))).To(Succeed())
		pause()
	}
	close(stop)
	kills := <-killed
	g.Expect(kills).To(BeNumerically(">=", 5), "it has to have been killed to show anything")

	g.Expect(set.ForgetLogins(ctx, stage.LoginRecordNamespace)).To(Succeed())
	operator(t, "--deregistration-grace=0", "--thingspace-qps=0")
	g.Eventually(func() int { return len(list(t, "crash")) }).WithTimeout(2 * time.Minute).Should(Equal(objects / 2))
	g.Eventually(func() int { return readyCount(t, "crash") }).WithTimeout(2 * time.Minute).Should(Equal(objects / 2))
	expected := map[string]string{"somebody-elses": "https://elsewhere.example.net/hook"}
	for n := 1; n < objects; n += 2 {
		expected[fmt.Sprintf("crash-%d", n)] = wish(n, 2)
	}
	registrations, err := set.Registrations(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(registrations).To(Equal(expected))
	t.Logf("killed %d times", kills)
}

// Five hundred objects at 20 ms: what each change of all of them takes, and what nobody's change takes.
func TestFiveHundredObjects(t *testing.T) {
	const objects = 500
	g := NewWithT(t)
	namespace(t, "many")
	recordCreated := requests(t, "configmaps", "POST")
	process := operator(t, "--thingspace-qps=0", "--deregistration-grace=0", "--default-interval=24h", "--watch-namespaces=many")
	g.Eventually(func() int { return requests(t, "configmaps", "POST") - recordCreated }).WithTimeout(time.Minute).Should(Equal(1))
	before, recordBefore := writes(t), requests(t, "configmaps", "PUT")
	eventsBefore := requests(t, "events", "POST")
	for n := range objects {
		g.Expect(set.Client.Create(t.Context(), callback("many", n))).To(Succeed())
	}
	g.Eventually(func() int { return readyCount(t, "many") }).WithTimeout(2 * time.Minute).WithPolling(200 * time.Millisecond).Should(Equal(objects))

	g.Expect(calls(t)).To(Equal(map[string]int{"list": objects, "register": objects, "token": 1, "login": 1}))
	g.Expect(writes(t) - before).To(Equal(2 * objects))
	g.Expect(requests(t, "configmaps", "PUT")-recordBefore).To(Equal(2), "the login is counted and settled; the record was created before")
	g.Eventually(func() int { return requests(t, "events", "POST") - eventsBefore }).WithTimeout(time.Minute).Should(Equal(objects))

	// An edit: list and update, claim and status.
	before = writes(t)
	for n := range objects {
		o := callback("many", n)
		g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o)).To(Succeed())
		o.Spec.URL = wish(n, 2)
		g.Expect(set.Client.Update(t.Context(), o)).To(Succeed())
	}
	g.Eventually(func() int { return readyCount(t, "many") }).WithTimeout(2 * time.Minute).WithPolling(200 * time.Millisecond).Should(Equal(objects))
	g.Expect(calls(t)).To(Equal(map[string]int{"list": objects, "update": objects}))
	g.Expect(writes(t) - before).To(Equal(2 * objects))

	// A restart, and every object touched: neither is a reason to call or to write. The Secret is read once, to sign in.
	g.Expect(process.Stop()).To(Succeed(), "a stop that was asked for ends with 0")
	g.Expect(set.ForgetLogins(t.Context(), stage.LoginRecordNamespace)).To(Succeed())
	before = writes(t)
	secretReads := requests(t, "secrets", "GET")
	operator(t, "--thingspace-qps=0", "--deregistration-grace=0", "--default-interval=24h", "--watch-namespaces=many")
	marker := callback("many", objects)
	g.Expect(set.Client.Create(t.Context(), marker)).To(Succeed())
	g.Eventually(func() int { return readyCount(t, "many") }).WithTimeout(time.Minute).Should(Equal(objects + 1))
	g.Expect(butForSlots(t, calls(t), 1)).To(Equal(map[string]int{"list": 1, "register": 1, "token": 1, "login": 1}))
	g.Expect(writes(t)-before).To(Equal(2), "of the marker: nothing is written for those that were there")
	g.Expect(requests(t, "secrets", "GET") - secretReads).To(BeNumerically("<=", 2))

	// A deletion: list, deregister and list again; the finalizer goes with the one write. To look up who else names the account, hardly ever does
	// the API server have to search all objects: the cache is known to be current.
	before = writes(t)
	searches := requests(t, "fotacallbacks", "LIST")
	for n := range objects + 1 {
		g.Expect(set.Client.Delete(t.Context(), callback("many", n))).To(Succeed())
	}
	g.Eventually(func() int {
		searches++ // by this test
		return len(list(t, "many"))
	}).WithTimeout(2 * time.Minute).WithPolling(200 * time.Millisecond).Should(BeZero())
	g.Expect(requests(t, "fotacallbacks", "LIST") - searches).To(BeNumerically("<", objects/5))
	g.Expect(butForSlots(t, calls(t), 2*(objects+1))).To(Equal(map[string]int{"list": 2 * (objects + 1), "deregister": objects + 1}))
	g.Expect(writes(t) - before).To(Equal(objects + 1))
}

// butForSlots takes out of the counts what slots have added: after a restart an object's first may come at any moment of its day.
func butForSlots(t *testing.T, counted map[string]int, lists int) map[string]int {
	t.Helper()
	NewWithT(t).Expect(counted["list"]).To(And(BeNumerically(">=", lists), BeNumerically("<=", lists+3)))
	counted["list"] = lists
	return counted
}

// calls are the far side's since the last time they were asked for, by operation.
func calls(t *testing.T) map[string]int {
	t.Helper()
	g := NewWithT(t)
	var counts map[string]int
	g.Expect(set.Simulator(t.Context(), http.MethodGet, "counts", "", &counts)).To(Succeed())
	g.Expect(set.Simulator(t.Context(), http.MethodDelete, "requests", "", nil)).To(Succeed())
	return counts
}

// However loud the log, it shows no credential in any encoding, and of a callback URL no path.
func TestNothingSecretIsLogged(t *testing.T) {
	g := NewWithT(t)
	ctx := t.Context()
	namespace(t, "canary")
	_ = os.Remove(set.OperatorLog()) // what other tests left
	process := operator(t, "--zap-log-level=10", "--deregistration-grace=0", "--watch-namespaces=canary")
	o := callback("canary", 1)
	o.Spec.URL = "https://fota.example.com/canary-path?key=canary-query"
	g.Expect(set.Client.Create(ctx, o)).To(Succeed())
	g.Eventually(func() int { return readyCount(t, "canary") }).WithTimeout(time.Minute).Should(Equal(1))
	wrong := callback("canary", 2)
	wrong.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: "wrong"}
	g.Expect(set.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "canary", Name: "wrong"},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret, "username": "nobody", "password": "canary-password",
		},
	})).To(Succeed())
	g.Expect(set.Client.Create(ctx, wrong)).To(Succeed())
	g.Eventually(func() bool {
		g.Expect(set.Client.Get(ctx, client.ObjectKeyFromObject(wrong), wrong)).To(Succeed())
		return meta.IsStatusConditionTrue(wrong.Status.Conditions, v1alpha1.ConditionStalled)
	}).WithTimeout(time.Minute).Should(BeTrue())
	g.Expect(set.Client.Delete(ctx, o)).To(Succeed())
	g.Eventually(func() int { return len(list(t, "canary")) }).WithTimeout(time.Minute).Should(Equal(1))
	g.Expect(process.Stop()).To(Succeed())

	text, err := os.ReadFile(set.OperatorLog())
	g.Expect(err).NotTo(HaveOccurred())
	status, err := json.Marshal(wrong.Status)
	g.Expect(err).NotTo(HaveOccurred())
	shown := string(text) + string(status)
	g.Expect(shown).To(ContainSubstring("refused the login"), "it has to have logged something")
	g.Expect(canary.Find(shown, simulator.DefaultClientSecret, simulator.DefaultPassword, "canary-password", "canary-path", "canary-query")).To(BeEmpty())
	// The Basic header's encoding of both values together.
	g.Expect(shown).NotTo(ContainSubstring(base64.StdEncoding.EncodeToString([]byte(simulator.DefaultClientID + ":" + simulator.DefaultClientSecret))))
}

// writes is how many patches of FotaCallbacks and their status the API server has seen; in these tests only the operator patches.
func writes(t *testing.T) int {
	t.Helper()
	return requests(t, "fotacallbacks", "PATCH")
}

// requests is how many of one kind the API server has seen.
func requests(t *testing.T, resource, verb string) int {
	t.Helper()
	total, err := set.Requests(t.Context(), resource, verb)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return total
}
