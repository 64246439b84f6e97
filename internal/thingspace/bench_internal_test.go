package thingspace

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
)

var answers = map[string]struct {
	most int
	a    answer
}{
	"a URL":   {13, answer{status: http.StatusOK, body: []byte(`{"url":"` + someURL + `"}`)}},
	"nothing": {0, answer{status: http.StatusOK}},
}

func TestAnswersAreReadWithFewAllocations(t *testing.T) {
	for name, test := range answers {
		allocations := testing.AllocsPerRun(100, func() { _, _ = test.a.registration() })
		t.Log(name, allocations)
		NewWithT(t).Expect(allocations).To(BeNumerically("<=", test.most), name)
	}
}

func BenchmarkRegistration(b *testing.B) {
	for name, test := range answers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = test.a.registration()
			}
		})
	}
}
