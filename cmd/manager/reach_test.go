package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
)

// While the API server can't be reached the log says so, again and again but not at every look, and once when it is back. One that answers with an
// error is there.
func TestAnAPIServerThatComesAndGoes(t *testing.T) {
	g := NewWithT(t)
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	fake, log := clocktesting.NewFakeClock(time.Now()), gbytes.NewBuffer()
	o, err := parseOptions(nil, nothingSet, nil)
	g.Expect(err).NotTo(HaveOccurred())
	config := &rest.Config{Host: server.URL}
	r, err := watchReach(config, fake, newLogger(o.zap, log))
	g.Expect(err).NotTo(HaveOccurred())
	web, err := rest.HTTPClientFor(config)
	g.Expect(err).NotTo(HaveOccurred())
	call := func(ctx context.Context) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/apis", http.NoBody)
		g.Expect(err).NotTo(HaveOccurred())
		if answer, err := web.Do(request); err == nil {
			g.Expect(answer.Body.Close()).To(Succeed())
		}
	}
	const unreachable = "can't be reached"
	look := func() string {
		r.look(t.Context())
		text := string(log.Contents())
		g.Expect(log.Clear()).To(Succeed())
		return text
	}

	call(t.Context())
	g.Expect(r.ready(nil)).To(Succeed(), "an answer is an answer")
	down.Store(true)
	givenUp, giveUp := context.WithCancel(t.Context())
	giveUp()
	call(givenUp)
	g.Expect(r.ready(nil)).To(Succeed(), "who gives up has learnt nothing")
	g.Expect(look()).To(BeEmpty())

	call(t.Context())
	g.Expect(r.ready(nil)).NotTo(Succeed())
	g.Expect(look()).To(And(ContainSubstring(unreachable), ContainSubstring(server.URL), ContainSubstring("EOF")))
	fake.Step(reachRepeat - time.Second)
	g.Expect(look()).To(BeEmpty(), "not at every look")
	fake.Step(time.Second)
	g.Expect(look()).To(ContainSubstring(unreachable), "while it lasts")

	down.Store(false)
	g.Expect(look()).To(And(ContainSubstring("answers again"), Not(ContainSubstring(unreachable))), "nobody else has asked")
	g.Expect(r.ready(nil)).To(Succeed())
	g.Expect(look()).To(BeEmpty())

	down.Store(true)
	call(t.Context())
	down.Store(false)
	g.Expect(look()).To(BeEmpty(), "one failure between two looks is nothing to tell")
	g.Expect(r.ready(nil)).To(Succeed())
}

// A server that hangs has not answered: whose time was over has learnt that.
func TestAnAPIServerThatHangs(t *testing.T) {
	g := NewWithT(t)
	r, err := watchReach(&rest.Config{Host: "http://api.example.com", Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
		<-request.Context().Done()
		return nil, request.Context().Err()
	})}, clocktesting.NewFakeClock(time.Now()), newLogger(mustZap(g), gbytes.NewBuffer()))
	g.Expect(err).NotTo(HaveOccurred())
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	g.Expect(errors.Is(r.asks(ctx), context.DeadlineExceeded)).To(BeTrue())
	g.Expect(r.ready(nil)).NotTo(Succeed())
}

func TestReachLooksUntilItEnds(t *testing.T) {
	g := NewWithT(t)
	fake, asked := clocktesting.NewFakeClock(time.Now()), make(chan struct{}, 1)
	r := &reach{clock: fake, log: newLogger(mustZap(g), gbytes.NewBuffer()), failure: errors.New("refused"), asks: func(context.Context) error {
		asked <- struct{}{}
		return nil
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.run(ctx); close(ended) }()
	g.Eventually(fake.HasWaiters).Should(BeTrue())
	fake.Step(reachLookEvery)
	g.Eventually(asked).Should(Receive())
	stop()
	g.Eventually(ended).Should(BeClosed())
	g.Expect(2*reachLookEvery + reachTimeout).To(BeNumerically("<", 10*time.Second))
}
