// Package soak runs two replicas of the real operator against a real API server and the simulator, lets everything fail at random for as long as is
// asked, and then expects that all is as wished.
package soak_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

var (
	length = flag.Duration("for", 0, "how long things fail; 0 skips the test")
	seed   = flag.Uint64("seed", 0, "of what fails when; 0 for another one each time")
	whole  = flag.String("log", "", "where the operators' log is written to")

	set *stage.Stage
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *length == 0 {
		fmt.Println("skipped: make soak runs it")
		return
	}
	os.Exit(stage.Run("../..", []string{"--latency=20ms", "--log-size=0"}, func(s *stage.Stage) (int, error) {
		set = s
		return m.Run(), nil
	}))
}

func TestSoak(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	prepare(t)
	accidents, people := &accidents{}, &people{}
	t.Cleanup(func() { reports(t, accidents, people) })
	accidents = newAccidents(t, rand.New(rand.NewPCG(*seed, 1)))
	people = newPeople(t, rand.New(rand.NewPCG(*seed, 2)))
	for end := time.Now().Add(*length); time.Now().Before(end); {
		for range 3 {
			people.act()
		}
		accidents.happen()
	}
	accidents.heal()

	// By itself: backoff and slots take a few minutes at most, and a login that was withheld from good credentials ten.
	became := func(within time.Duration, nobodyHelped bool) {
		expect(t).Eventually(func() []string {
			accidents.revive()
			return people.unmet(nobodyHelped)
		}).WithTimeout(within).WithPolling(time.Second).Should(BeEmpty())
	}
	healed := time.Now()
	became(13*time.Minute, true)
	t.Logf("as wished by itself after %s, but for what waits for a person: %s", time.Since(healed).Round(time.Second), people.tally())
	people.resume() // a suspended object does not say that its user waits for a person
	became(13*time.Minute, true)
	people.finish()
	became(8*time.Minute, false)
	judge(t, people)
	stays(t, accidents, people)
	showsNothingSecret(t, people)
}
