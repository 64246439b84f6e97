package main

import (
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

// Results are all that a run of the bench has measured.
type Results struct {
	Began     time.Time `json:"began"`
	Machine   string    `json:"machine"`
	Latency   string    `json:"latency"`
	Reference Reference `json:"reference"`
	Sizes     []Size    `json:"sizes"`
	Targets   []Target  `json:"targets"`
}

// Reference compares the operator with a controller-runtime manager that does nothing, neither having an object.
type Reference struct {
	Operator Idler `json:"operator"`
	Bare     Idler `json:"bare"`
}

// Idler is a manager without work.
type Idler struct {
	BinaryBytes  int64   `json:"binaryBytes"`
	StartSeconds float64 `json:"startSeconds"` // the quickest of several
	Memory       Memory  `json:"memory"`       // the median of three
}

// Memory is what a process has of it at one moment.
type Memory struct {
	RSSBytes      int `json:"rssBytes"`
	PeakBytes     int `json:"peakBytes"`     // the most RSS so far
	LiveHeapBytes int `json:"liveHeapBytes"` // what the last garbage collection left
}

// Size is what one number of objects took.
type Size struct {
	Objects int `json:"objects"`

	CreateFloor Wave    `json:"createFloor"`
	DeleteFloor Wave    `json:"deleteFloor"`
	CreateAsked Wave    `json:"createAsked"` // the floor that also makes what the operator's contract asks for
	DeleteAsked Wave    `json:"deleteAsked"`
	Create      Wave    `json:"create"`
	Restart     Restart `json:"restart"`
	Idle        Idle    `json:"idle"`
	Drift       Drift   `json:"drift"`
	Outage      Outage  `json:"outage"`
	Edit        Wave    `json:"edit"`
	Delete      Wave    `json:"delete"`

	Tenants []Tenant `json:"tenants,omitempty"`
}

// Wave is a change of every object, from the first to the last that is through.
type Wave struct {
	QPS           float64        `json:"qps"` // the far side's limit; 0 is none
	Seconds       float64        `json:"seconds"`
	MedianSeconds float64        `json:"medianSeconds"` // of one object
	P99Seconds    float64        `json:"p99Seconds"`
	Calls         map[string]int `json:"calls"`
	Writes        int            `json:"writes"`
	Events        int            `json:"events"`
	SecretReads   int            `json:"secretReads"`
	Lists         int            `json:"lists"` // of FotaCallbacks, at the API server
	CPUSeconds    float64        `json:"cpuSeconds"`
	PeakRSSBytes  int            `json:"peakRSSBytes"`
	// APIServerCPUSeconds is the API server's, the users' and the observer's requests included; AllCPUSeconds is etcd's and the simulator's as well.
	APIServerCPUSeconds float64 `json:"apiServerCPUSeconds"`
	AllCPUSeconds       float64 `json:"allCPUSeconds"`
}

// Restart is a new process that finds every object Ready.
type Restart struct {
	Interval         string         `json:"interval"`
	Seconds          float64        `json:"seconds"`          // all that is counted
	QueueIdleSeconds float64        `json:"queueIdleSeconds"` // since the process started
	IdleRate         float64        `json:"idleRate"`         // calls a second: objects by interval
	FirstTenSeconds  map[string]int `json:"firstTenSeconds"`  // since the first call
	Calls            map[string]int `json:"calls"`
	Writes           int            `json:"writes"`
	SecretReads      int            `json:"secretReads"`
	CPUPercent       float64        `json:"cpuPercent"`       // of a core, after those ten seconds
	ScrapeCPUSeconds float64        `json:"scrapeCPUSeconds"` // what one scrape of its metrics takes
	PeakRSSBytes     int            `json:"peakRSSBytes"`     // with scrapes
}

// Idle is slots of healthy objects, and nothing else.
type Idle struct {
	Interval     string         `json:"interval"`
	Seconds      float64        `json:"seconds"`
	Calls        map[string]int `json:"calls"`
	Writes       int            `json:"writes"`
	SecretReads  int            `json:"secretReads"`
	MeanCalls    float64        `json:"meanCalls"`    // a second
	BusiestCalls int            `json:"busiestCalls"` // in any second
	CPUSeconds   float64        `json:"cpuSeconds"`
	Memory       Memory         `json:"memory"`
	AgeSeconds   float64        `json:"ageSeconds"` // of the process when its memory was read
}

// Drift is foreign URLs at every tenth account.
type Drift struct {
	Interval string         `json:"interval"`
	Objects  int            `json:"objects"`
	Seconds  float64        `json:"seconds"` // from the first foreign URL to the last that is corrected
	Calls    map[string]int `json:"calls"`   // those of the accounts that drifted
	Writes   int            `json:"writes"`
}

// Outage is a ThingSpace that answers 503 while every object wants a check, and its end.
type Outage struct {
	QPS             float64        `json:"qps"`
	OpeningCalls    int            `json:"openingCalls"`   // from the first 503 until every object says APIUnavailable
	OpeningSeconds  float64        `json:"openingSeconds"` // and how long that was
	Seconds         float64        `json:"seconds"`        // with the circuit open, after that
	MeanCalls       float64        `json:"meanCalls"`      // a second, in those
	BusiestCalls    int            `json:"busiestCalls"`
	RecoverySeconds float64        `json:"recoverySeconds"` // from its end to the last Ready
	RecoveryCalls   map[string]int `json:"recoveryCalls"`
}

func (r *Results) write(path string) error {
	r.Targets = r.targets()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// document writes the results into the document that explains them.
func (r *Results) document(path string) error {
	return errors.Join(document.Replace(path, "targets", r.judged()), document.Replace(path, "measured", r.measured()))
}
