package soak_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// accidents are what goes wrong: at most one thing at a time with the processes, and any number of wrong answers.
type accidents struct {
	t         *testing.T
	random    *rand.Rand
	operators [2]*stage.Process
	counts    map[string]int
}

func newAccidents(t *testing.T, random *rand.Rand) *accidents {
	t.Helper()
	a := &accidents{t: t, random: random, counts: map[string]int{}}
	for n := range a.operators {
		a.start(n)
	}
	t.Cleanup(func() {
		for _, operator := range a.operators {
			operator.Kill()
		}
	})
	return a
}

func (a *accidents) String() string { return join(a.counts) }

func (a *accidents) start(n int) {
	var err error
	a.operators[n], err = set.StartOperator("--leader-elect=true", "--leader-election-namespace="+namespace,
		"--default-interval=1m", "--deregistration-grace=1s", "--watch-namespaces="+namespace, "--zap-log-level=debug")
	expect(a.t).Expect(err).NotTo(HaveOccurred())
}

func (a *accidents) pause(least, most time.Duration) {
	time.Sleep(least + time.Duration(a.random.Int64N(int64(most-least)))) // what is soaked is time
}

// happen lets one thing go wrong.
func (a *accidents) happen() {
	n := a.random.IntN(len(a.operators))
	switch choice := a.random.IntN(20); {
	case choice < 4:
		a.counts["operator killed"]++
		a.operators[n].Kill()
		a.start(n)
	case choice < 5:
		a.counts["operator stopped"]++
		_ = a.operators[n].Stop() // it says why it stops where it has lost its lease meanwhile
		a.start(n)
	case choice < 6:
		a.counts["operator frozen"]++
		a.operators[n].Freeze()
		a.pause(time.Second, 20*time.Second) // longer than its lease, at times
		a.operators[n].Thaw()
	case choice < 7:
		a.crash("etcd")
	case choice < 8:
		a.crash("kube-apiserver")
	case choice < 10:
		a.administer(http.MethodDelete, []string{"sessions", "tokens"}[a.random.IntN(2)], "")
	default:
		a.fault()
	}
	a.revive()
	a.pause(100*time.Millisecond, 2*time.Second)
}

// revive starts what has ended, as a kubelet does: who has lost the lease ends, and on a busy machine that needs no accident.
func (a *accidents) revive() {
	for i, operator := range a.operators {
		select {
		case <-operator.Ended():
			a.counts["operator ended"]++
			a.start(i)
		default:
		}
	}
}

// crash waits until the API server answers again from the last one: it does not start without etcd, and nobody would start it twice.
func (a *accidents) crash(program string) {
	answers(a.t)
	a.counts[program+" killed"]++
	restart, err := set.CrashControlPlane(program)
	expect(a.t).Expect(err).NotTo(HaveOccurred())
	a.pause(100*time.Millisecond, 3*time.Second)
	expect(a.t).Expect(restart()).To(Succeed())
}

func (a *accidents) fault() {
	answers := simulator.Answers()
	fault := simulator.Fault{
		Operation: []string{"", "list", "mutation", "register", "update", "deregister", "token", "login"}[a.random.IntN(8)],
		Times:     1 + a.random.IntN(20),
		Answer:    answers[a.random.IntN(len(answers))],
		Applied:   a.random.IntN(3) == 0,
		Delay:     time.Duration(a.random.IntN(500)) * time.Millisecond,
	}
	if fault.Answer == simulator.AnswerGzipBomb || a.random.IntN(4) == 0 {
		fault.Answer = "" // no answer at all
	}
	if (fault.Operation == "" || fault.Operation == "login") && a.random.IntN(4) > 0 {
		// No refusal: after one the user's objects wait for a person, and most shall have to come to be as wished by themselves.
		fault.Answer = []simulator.Answer{"", simulator.AnswerServerError, simulator.AnswerUnavailable, simulator.AnswerThrottled, simulator.AnswerHTML}[a.random.IntN(5)]
	}
	body, err := json.Marshal(fault)
	expect(a.t).Expect(err).NotTo(HaveOccurred())
	a.administer(http.MethodPost, "faults", string(body))
}

func (a *accidents) administer(method, path, body string) {
	a.counts["simulator: "+path]++
	expect(a.t).Expect(set.Simulator(a.t.Context(), method, path, body, nil)).To(Succeed(), body)
}

// heal ends what is wrong but by itself.
func (a *accidents) heal() {
	answers(a.t)
	expect(a.t).Expect(set.Simulator(a.t.Context(), http.MethodDelete, "faults", "", nil)).To(Succeed())
}

// answers waits until the API server does.
func answers(t *testing.T) {
	t.Helper()
	expect(t).Eventually(func() error {
		var all v1alpha1.FotaCallbackList
		return set.Client.List(t.Context(), &all, client.InNamespace(namespace))
	}).WithTimeout(3*time.Minute).WithPolling(200*time.Millisecond).Should(Succeed(), "the API server answers")
}
