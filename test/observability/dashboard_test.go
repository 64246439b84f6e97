package observability_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	. "github.com/onsi/gomega"
	"github.com/prometheus/prometheus/promql/parser"
)

var variable = regexp.MustCompile(`\$\{?([a-z]\w*)`)

func TestDashboard(t *testing.T) {
	board, all := panels(t)
	NewWithT(t).Expect(len(all)).To(BeNumerically(">", 10))
	used := map[string]bool{}
	ids, cells := map[uint32]string{}, map[[2]uint32]string{}
	for _, panel := range all {
		t.Run(*panel.Title, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(*panel.Description).To(HaveSuffix("."))
			g.Expect(ids).NotTo(HaveKey(*panel.Id))
			ids[*panel.Id] = *panel.Title
			g.Expect(*panel.Datasource.Uid).To(Equal("${datasource}"))
			used["datasource"] = true
			if panel.Type == "timeseries" {
				g.Expect(panel.FieldConfig.Defaults.Unit).NotTo(BeNil())
			}
			g.Expect(queries(panel)).NotTo(BeEmpty())
			for _, query := range queries(panel) {
				_, err := parser.NewParser(parser.Options{}).ParseExpr(everything(query))
				g.Expect(err).NotTo(HaveOccurred(), query)
				for _, match := range variable.FindAllStringSubmatch(query, -1) {
					used[match[1]] = true
				}
			}
			for cell := range cellsOf(*panel.GridPos) {
				g.Expect(cell[0]).To(BeNumerically("<", 24))
				g.Expect(cells).NotTo(HaveKey(cell), "two panels in one place")
				cells[cell] = *panel.Title
			}
		})
	}
	var declared []string
	for _, v := range board.Templating.List {
		declared = append(declared, v.Name)
	}
	for name := range used {
		NewWithT(t).Expect(declared).To(ContainElement(name))
	}
	NewWithT(t).Expect(declared).To(HaveLen(len(used)), "a variable that nothing uses: %v", strings.Join(declared, ", "))
}

func cellsOf(at dashboard.GridPos) map[[2]uint32]bool {
	cells := map[[2]uint32]bool{}
	for x := at.X; x < at.X+at.W; x++ {
		for y := at.Y; y < at.Y+at.H; y++ {
			cells[[2]uint32{x, y}] = true
		}
	}
	return cells
}
