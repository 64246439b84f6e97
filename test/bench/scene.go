package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

const (
	// fleet is the namespace of the operator's objects, bottom of the floor's: one of them runs at a time.
	fleet  = "fleet"
	bottom = "floor"

	// Without a grace a deletion begins at once; without a limit nothing hides how the calls are spread.
	noGrace = "--deregistration-grace=0"
	noLimit = "--thingspace-qps=0"

	// Of those that are judged by their time, up to so many leave time to measure the floor before the operator and after it.
	floorTwice = 1_000
)

// scene is what one number of objects is measured on: an API server and a simulator of its own.
type scene struct {
	*stage.Stage

	settings

	objects int
	// told is the interval that the objects' status tells.
	told time.Duration
}

func newScene(ctx context.Context, s settings, dir string, objects int) (*scene, error) {
	stage, err := stage.New(ctx, s.root, dir, "--latency="+s.latency.String(), "--log-size=0")
	if err != nil {
		return nil, err
	}
	made := &scene{Stage: stage, settings: s, objects: objects}
	for _, namespace := range []string{fleet, bottom} {
		if err := made.namespace(ctx, namespace); err != nil {
			stage.TearDown()
			return nil, err
		}
	}
	return made, nil
}

// namespace makes a namespace with credentials.
func (s *scene) namespace(ctx context.Context, name string) error {
	if err := s.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		return err
	}
	return s.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	})
}

// parts are what there is to measure, in order; each but the floor needs the objects that create leaves.
var parts = []struct {
	name    string
	measure func(*scene, context.Context, *Size) error
}{
	{"floor", (*scene).floors},
	{"create", (*scene).create},
	{"restart", (*scene).restart},
	{"idle", (*scene).idleAndDrift},
	{"outage", (*scene).outage},
	{"delete", (*scene).editAndDelete},
	{onRequest, (*scene).tenants},
}

// onRequest is the part that is measured only where it is asked for: it takes four minutes for each of five ways.
const onRequest = "tenants"

func usualParts() []string {
	return slices.DeleteFunc(allParts(), func(part string) bool { return part == onRequest })
}

func allParts() []string {
	var names []string
	for _, part := range parts {
		names = append(names, part.name)
	}
	return names
}

// play measures the parts that are wanted.
func (s *scene) play(ctx context.Context) (Size, error) {
	size := Size{Objects: s.objects}
	for _, part := range parts {
		if !slices.Contains(s.parts, part.name) {
			continue
		}
		sayf("%d: %s", s.objects, part.name)
		if err := part.measure(s, ctx, &size); err != nil {
			return size, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	// The floor before the operator had an empty etcd to itself.
	if slices.Contains(s.parts, "floor") && s.objects >= fewestObjects && s.objects <= floorTwice {
		sayf("%d: floor again", s.objects)
		if err := s.floorAgain(ctx, &size); err != nil {
			return size, fmt.Errorf("floor again: %w", err)
		}
	}
	return size, nil
}

// noChecks is an interval at which, unless another is asked for, no routine check comes between the calls of a wave.
func (s *scene) noChecks() time.Duration { return cmp.Or(s.interval, 24*time.Hour) }

func checkedEvery(interval time.Duration) string { return "--default-interval=" + interval.String() }

func (s *scene) limit(flag string) string { return fmt.Sprintf("%s=%v", flag, s.qps) }

func (s *scene) log() string { return filepath.Join(s.Dir, "bench.log") }

// logEnd is the end of what the programs have said, for who has to find out what went wrong.
func (s *scene) logEnd() string {
	text, _ := os.ReadFile(s.log())
	return string(text[max(0, len(text)-4000):])
}

// settled waits until the API server has seen no write and no event for a second, and returns its counts.
func (s *scene) settled(ctx context.Context) (apiServer, error) {
	before, err := s.apiServer(ctx)
	if err != nil {
		return apiServer{}, err
	}
	for {
		if err := pause(ctx, time.Second); err != nil {
			return apiServer{}, err
		}
		now, err := s.apiServer(ctx)
		if err != nil || now.writes == before.writes && now.events == before.events {
			return now, err
		}
		before = now
	}
}

func callback(namespace string, n int) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name(n)},
		Spec:       v1alpha1.FotaCallbackSpec{Account: account(namespace, n), URL: wish(n, 1)},
	}
}

func name(n int) string { return fmt.Sprintf("fleet-%05d", n) }

func account(namespace string, n int) string {
	return fmt.Sprintf("%s-%05d", strings.ToUpper(namespace), n)
}

func wish(n, version int) string {
	return fmt.Sprintf("https://fota.example.com/callbacks/%05d/v%d", n, version)
}
