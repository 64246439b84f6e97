package controller

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// freshness says up to which moment the cache is known to be complete. Its proof is this process's own writes: a cache that shows one of them shows
// everything that anybody had written before that was sent, because a watch brings changes in their order.
type freshness struct {
	mu sync.Mutex
	// shown is the newest resourceVersion that the cache has shown.
	shown string
	// sent and version are of a write that it has not shown yet.
	sent    time.Time
	version string
	upTo    time.Time
}

// wrote says that a write, sent at a time, has become a version.
func (f *freshness) wrote(sent time.Time, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.version == "" { // one write at a time is enough
		f.sent, f.version = sent, version
		f.settle()
	}
}

// shows says that the cache shows a version.
func (f *freshness) shows(version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shown == "" || reaches(version, f.shown) {
		f.shown = version
		f.settle()
	}
}

func (f *freshness) settle() {
	if f.version == "" || !reaches(f.shown, f.version) {
		return
	}
	if f.sent.After(f.upTo) {
		f.upTo = f.sent
	}
	f.version = ""
}

// completeUpTo is the moment up to which the cache is known to show every change; zero where nothing is known.
func (f *freshness) completeUpTo() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.upTo
}

// reaches says whether a resourceVersion is another or comes after it; one that can't be compared does not.
func reaches(version, other string) bool {
	order, err := resourceversion.CompareResourceVersion(version, other)
	return err == nil && order >= 0
}

// before says whether a resourceVersion comes before another; one that can't be compared does not.
func before(version, other string) bool { return version != other && reaches(other, version) }
