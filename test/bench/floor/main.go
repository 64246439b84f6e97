// Command floor does for FotaCallbacks the least that the job needs, and nothing that makes it safe: for each that is new one patch (the finalizer), one list, one
// register and one status write, for each that is deleted a list, a deregistration, a list and one patch. The bench holds the operator against it; with --asked,
// it makes the event and the live read too that the operator's contract asks for.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

// workers and burst are what the operator has by default.
const (
	workers = 32
	burst   = 40
)

// floor has what its workers share.
type floor struct {
	client         client.Client
	base           string
	web            *http.Client
	limiter        *rate.Limiter
	token, session string
	asked          *asked
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "The cluster.")
	base := flag.String("thingspace-url", "", "The simulator's base URL.")
	qps := flag.Float64("qps", 0, "Calls a second at most; 0 is no limit.")
	namespace := flag.String("namespace", "", "Where the objects are.")
	alsoAsked := flag.Bool("asked", false, "Send an event for each object that has come or gone, and read each before it is deregistered.")
	health := flag.String("health-probe-bind-address", "", "Address of /readyz.")
	flag.Parse()
	if err := run(*kubeconfig, *base, *namespace, *health, *qps, *alsoAsked); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, base, namespace, health string, qps float64, alsoAsked bool) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	f := &floor{base: base, web: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * workers}}, limiter: rate.NewLimiter(rate.Inf, burst)}
	if qps > 0 {
		f.limiter.SetLimit(rate.Limit(qps))
	}
	if f.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if alsoAsked {
		if f.asked, err = newAsked(ctx, config, scheme, f.client); err != nil {
			return err
		}
	}
	if err := f.signIn(ctx); err != nil {
		return err
	}
	objects, err := cache.New(config, cache.Options{Scheme: scheme, DefaultNamespaces: map[string]cache.Config{namespace: {}}})
	if err != nil {
		return err
	}
	informer, err := objects.GetInformer(ctx, &v1alpha1.FotaCallback{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	line := newQueue()
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { line.add(o.(*v1alpha1.FotaCallback)) },
		UpdateFunc: func(before, o any) {
			if was := before.(*v1alpha1.FotaCallback); was.DeletionTimestamp.IsZero() && !o.(*v1alpha1.FotaCallback).DeletionTimestamp.IsZero() {
				line.add(o.(*v1alpha1.FotaCallback))
			}
		},
	})
	if err != nil {
		return err
	}
	for range workers {
		go func() {
			for {
				if err := f.work(ctx, line.next()); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "floor:", err)
				}
			}
		}()
	}
	ready := &http.Server{Addr: health, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return objects.Start(ctx) })
	group.Go(func() error {
		if !objects.WaitForCacheSync(ctx) {
			return nil
		}
		return ready.ListenAndServe()
	})
	group.Go(func() error {
		<-ctx.Done()
		return ready.Close()
	})
	if err := group.Wait(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// work registers an object, or deregisters it.
func (f *floor) work(ctx context.Context, seen *v1alpha1.FotaCallback) error {
	o := seen.DeepCopy()
	if !o.DeletionTimestamp.IsZero() {
		return f.deregister(ctx, o)
	}
	if err := f.call(ctx, http.MethodGet, o.Spec.Account, nil); err != nil {
		return err
	}
	claim := fmt.Sprintf(`{"metadata":{"finalizers":[%q],"annotations":{%q:%q},"resourceVersion":%q}}`,
		v1alpha1.Finalizer, v1alpha1.LastSentURLAnnotation, o.Spec.URL, o.ResourceVersion)
	if err := f.client.Patch(ctx, o, patch(claim)); err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"url": o.Spec.URL})
	if err != nil {
		return err
	}
	if err := f.call(ctx, http.MethodPost, o.Spec.Account, body); err != nil {
		return err
	}
	status := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"status":{"observedGeneration":%d,"registeredURL":%q,"remoteURL":%q,"conditions":[
		{"type":"Ready","status":"True","reason":%q,"message":"The callback URL is registered.","observedGeneration":%d,"lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`,
		o.ResourceVersion, o.Generation, o.Spec.URL, o.Spec.URL, v1alpha1.ReasonRegistered, o.Generation)
	f.asked.tell(o, v1alpha1.EventRegistered)
	return f.client.Status().Patch(ctx, o, patch(status))
}

func (f *floor) deregister(ctx context.Context, o *v1alpha1.FotaCallback) error {
	if err := f.call(ctx, http.MethodGet, o.Spec.Account, nil); err != nil {
		return err
	}
	if err := f.asked.prove(ctx, o); err != nil {
		return err
	}
	for _, method := range []string{http.MethodDelete, http.MethodGet} {
		if err := f.call(ctx, method, o.Spec.Account, nil); err != nil {
			return err
		}
	}
	f.asked.tell(o, v1alpha1.EventDeregistered)
	return f.client.Patch(ctx, o, patch(`{"metadata":{"finalizers":null}}`))
}

func patch(text string) client.Patch { return client.RawPatch(types.MergePatchType, []byte(text)) }

func (f *floor) signIn(ctx context.Context) error {
	var issued struct {
		AccessToken  string `json:"access_token"`
		SessionToken string `json:"sessionToken"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/ts/v1/oauth2/token", bytes.NewBufferString("grant_type=client_credentials"))
	if err != nil {
		return err
	}
	request.SetBasicAuth(simulator.DefaultClientID, simulator.DefaultClientSecret)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := f.do(request, &issued); err != nil {
		return err
	}
	f.token = issued.AccessToken
	login, err := json.Marshal(map[string]string{"username": simulator.DefaultUsername, "password": simulator.DefaultPassword})
	if err != nil {
		return err
	}
	request, err = http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/m2m/v1/session/login", bytes.NewReader(login))
	if err != nil {
		return err
	}
	f.sign(request)
	if err := f.do(request, &issued); err != nil {
		return err
	}
	f.session = issued.SessionToken
	return nil
}

func (f *floor) sign(request *http.Request) {
	request.Header.Set("Authorization", "Bearer "+f.token)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if f.session != "" {
		request.Header["VZ-M2M-Token"] = []string{f.session}
	}
}

func (f *floor) call(ctx context.Context, method, account string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, method, f.base+"/fota/v3/callbacks/"+url.PathEscape(account), bytes.NewReader(body))
	if err != nil {
		return err
	}
	f.sign(request)
	if err := f.limiter.Wait(ctx); err != nil {
		return err
	}
	return f.do(request, nil)
}

func (f *floor) do(request *http.Request, into any) error {
	response, err := f.web.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it has been read
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s %s: %s", request.Method, request.URL, response.Status)
	case into == nil:
		return nil
	}
	return json.Unmarshal(text, into)
}

// queue is the objects to work on, oldest first.
type queue struct {
	mu      sync.Mutex
	some    *sync.Cond
	objects []*v1alpha1.FotaCallback
}

func newQueue() *queue {
	q := &queue{}
	q.some = sync.NewCond(&q.mu)
	return q
}

func (q *queue) add(o *v1alpha1.FotaCallback) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.objects = append(q.objects, o)
	q.some.Signal()
}

func (q *queue) next() *v1alpha1.FotaCallback {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.objects) == 0 {
		q.some.Wait()
	}
	o := q.objects[0]
	q.objects = q.objects[1:]
	return o
}
