package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

const (
	// The quiet namespace has so many objects that change while the busy one keeps the operator at work, and so many that are only checked.
	tenantChanges, tenantChecks = 100, 20
	tenantInterval              = time.Minute
	// The busy namespace is at it for so long before anything is measured.
	tenantWarmUp = 30 * time.Second
	changeEvery  = time.Second

	firstCallBound, readyBound, lateBound = 5 * time.Second, 10 * time.Second, time.Minute
)

// Tenant is what one way of a busy namespace does to a quiet one.
type Tenant struct {
	Way              string  `json:"way"`
	FirstCallSeconds float64 `json:"firstCallSeconds"` // the 99th percentile over all changes
	ReadySeconds     float64 `json:"readySeconds"`     // likewise
	LateSeconds      float64 `json:"lateSeconds"`      // the latest start of a scheduled check
	ReadyLost        int     `json:"readyLost"`        // of the objects that are only checked
	BusyCalls        int     `json:"busyCalls"`        // of the busy namespace's accounts
}

func (t Tenant) holds() bool {
	return t.FirstCallSeconds <= firstCallBound.Seconds() && t.ReadySeconds <= readyBound.Seconds() && t.LateSeconds <= lateBound.Seconds() && t.ReadyLost == 0
}

// tenantWays are how a namespace can keep its objects due.
var tenantWays = []struct {
	name string
	// fault is what ThingSpace does to the busy namespace's accounts.
	fault *simulator.Fault
	// wrong gives each object a user of its own whose password is wrong; others gives it an account of the quiet namespace; edits makes
	// requests for checks without end.
	wrong, others, edits bool
}{
	{name: "failing", wrong: true},
	{name: "hanging", fault: &simulator.Fault{Operation: "list", Hang: true}},
	{name: "answered 500", fault: &simulator.Fault{Operation: "list", Status: http.StatusInternalServerError}},
	{name: "naming others' accounts", others: true},
	{name: "edits without end", edits: true},
}

// tenants measures each way, with as many objects in a busy namespace as are asked for and the flags that the operator has by itself.
func (s *scene) tenants(ctx context.Context, size *Size) error {
	for number, way := range tenantWays {
		quiet, busy := fmt.Sprintf("quiet-%d", number), fmt.Sprintf("busy-%d", number)
		sayf("%d: tenants: %s", s.objects, way.name)
		measured, err := s.tenant(ctx, number, quiet, busy)
		if err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		size.Tenants = append(size.Tenants, measured)
		for _, namespace := range []string{busy, quiet} { // the next way begins without them
			if err := s.leave(ctx, namespace); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scene) tenant(ctx context.Context, number int, quiet, busy string) (Tenant, error) {
	way := tenantWays[number]
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, namespace := range []string{quiet, busy} {
		if err := s.namespace(ctx, namespace); err != nil {
			return Tenant{}, err
		}
	}
	p, err := s.operator(ctx)
	if err != nil {
		return Tenant{}, err
	}
	defer p.stop()
	seen, err := s.observe(ctx, quiet)
	if err != nil {
		return Tenant{}, err
	}
	for n := range tenantChanges + tenantChecks {
		o := callback(quiet, n)
		if n >= tenantChanges {
			o.Spec.Interval = tenantInterval.String()
		}
		if err := s.Client.Create(ctx, o); err != nil {
			return Tenant{}, err
		}
	}
	if _, err := seen.until(ctx, ready(v1alpha1.ReasonRegistered, 1), tenantChanges+tenantChecks, longestWave); err != nil {
		return Tenant{}, err
	}
	if err := s.forgetCalls(ctx); err != nil {
		return Tenant{}, err
	}
	_, err = s.each(ctx, func(ctx context.Context, n int) error {
		return s.busyObject(ctx, number, n, quiet, busy)
	})
	if err != nil {
		return Tenant{}, err
	}
	group, editing := errgroup.WithContext(ctx)
	if way.edits {
		group.Go(func() error { return s.editWithoutEnd(editing, busy) })
	}
	if err := pause(ctx, tenantWarmUp); err != nil {
		return Tenant{}, err
	}
	measured, err := s.measureTenant(ctx, quiet, seen)
	measured.Way = way.name
	cancel()
	return measured, errors.Join(err, ignoreEnd(group.Wait()))
}

func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// busyObject makes one object of the busy namespace, with a Secret of its own.
func (s *scene) busyObject(ctx context.Context, number, n int, quiet, busy string) error {
	way, o := tenantWays[number], callback(busy, n)
	o.Spec.Interval = tenantInterval.String()
	o.Spec.CredentialsSecretRef = &v1alpha1.SecretReference{Name: name(n)}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: busy, Name: name(n)}, StringData: map[string]string{
		"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
		"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
	}}
	if way.wrong {
		secret.StringData["username"], secret.StringData["password"] = fmt.Sprint("nobody-", n), "wrong"
	}
	if way.others {
		o.Spec.Account = account(quiet, n%(tenantChanges+tenantChecks))
	}
	if way.fault != nil {
		fault := *way.fault
		fault.Account = o.Spec.Account
		body, err := json.Marshal(fault)
		if err != nil {
			return err
		}
		if err := s.Simulator(ctx, http.MethodPost, "faults", string(body), nil); err != nil {
			return err
		}
	}
	if err := s.Client.Create(ctx, secret); err != nil {
		return err
	}
	return s.Client.Create(ctx, o)
}

// editWithoutEnd asks for checks of one object after the other.
func (s *scene) editWithoutEnd(ctx context.Context, busy string) error {
	for request := 0; ; request++ {
		annotation := fmt.Sprintf(`{"metadata":{"annotations":{%q:"%d"}}}`, v1alpha1.RequestedAtAnnotation, request)
		if err := s.Client.Patch(ctx, callback(busy, request%s.objects), client.RawPatch(types.MergePatchType, []byte(annotation))); err != nil {
			return err
		}
	}
}

// measureTenant changes each object of the quiet namespace in turn, while the others are checked.
func (s *scene) measureTenant(ctx context.Context, quiet string, seen *observer) (Tenant, error) {
	changed := make([]time.Time, tenantChanges)
	for n := range changed {
		o := callback(quiet, n)
		changed[n] = time.Now()
		spec := fmt.Sprintf(`{"spec":{"url":%q}}`, wish(n, 2))
		if err := s.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(spec))); err != nil {
			return Tenant{}, err
		}
		if err := pause(ctx, changeEvery); err != nil {
			return Tenant{}, err
		}
	}
	through, err := seen.until(ctx, ready(v1alpha1.ReasonRegistered, 2), tenantChanges, longestWave)
	if err != nil {
		return Tenant{}, err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return Tenant{}, err
	}
	var first, until []time.Duration
	for n, at := range changed {
		until = append(until, through[name(n)].Sub(at))
		for _, call := range calls {
			if call.Account == account(quiet, n) && call.Time.After(at) {
				first = append(first, call.Time.Sub(at))
				break
			}
		}
	}
	if len(first) < tenantChanges {
		return Tenant{}, fmt.Errorf("%d of %d changes brought no call", tenantChanges-len(first), tenantChanges)
	}
	slices.Sort(first)
	slices.Sort(until)
	return Tenant{
		FirstCallSeconds: percentile(first, 99).Seconds(), ReadySeconds: percentile(until, 99).Seconds(),
		LateSeconds: latest(calls, quiet, time.Now()).Seconds(), ReadyLost: tenantChecks - seen.count(ready(v1alpha1.ReasonRegistered, 1)) + seen.left(ready(v1alpha1.ReasonRegistered, 1), changed[0]),
		BusyCalls: len(byAccount(calls, quiet)),
	}, nil
}

// byAccount are the calls for accounts that are not the namespace's.
func byAccount(calls []simulator.Request, quiet string) (others []simulator.Request) {
	own := map[string]bool{}
	for n := range tenantChanges + tenantChecks {
		own[account(quiet, n)] = true
	}
	for _, call := range calls {
		if !own[call.Account] {
			others = append(others, call)
		}
	}
	return others
}

// latest is how much later than an interval after the one before it a check began, at the most; the last ones may still be to come.
func latest(calls []simulator.Request, quiet string, now time.Time) (late time.Duration) {
	for n := tenantChanges; n < tenantChanges+tenantChecks; n++ {
		var before time.Time
		for _, call := range calls {
			if call.Account != account(quiet, n) || call.Operation != "list" {
				continue
			}
			if !before.IsZero() {
				late = max(late, call.Time.Sub(before)-tenantInterval)
			}
			before = call.Time
		}
		if before.IsZero() {
			before = now.Add(-tenantWarmUp - tenantChanges*changeEvery)
		}
		late = max(late, now.Sub(before)-tenantInterval)
	}
	return late
}

// leave takes a namespace's objects away, their finalizers first: nobody deregisters anything any more.
func (s *scene) leave(ctx context.Context, namespace string) error {
	var all v1alpha1.FotaCallbackList
	if err := s.Client.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return err
	}
	for i := range all.Items {
		o := &all.Items[i]
		if err := s.Client.Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))); err != nil {
			return err
		}
		if err := s.Client.Delete(ctx, o); err != nil {
			return err
		}
	}
	return s.Simulator(ctx, http.MethodDelete, "faults", "", nil)
}
