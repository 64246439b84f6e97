package observability_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func promtool(t *testing.T, folder string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), tool(t, "promtool"), args...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	NewWithT(t).Expect(err).NotTo(HaveOccurred(), "promtool %v:\n%s", args, output)
}

func TestRulesAreValid(t *testing.T) {
	folder := t.TempDir()
	promtool(t, folder, "check", "rules", "--lint=all", "--lint-fatal", ruleFile(t, folder))
}

// Each file in testdata tells when an alert fires, and when it must not.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	g := NewWithT(t)
	folder := t.TempDir()
	ruleFile(t, folder)
	files, err := filepath.Glob("testdata/*.yaml")
	g.Expect(err).NotTo(HaveOccurred())
	var told strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		g.Expect(err).NotTo(HaveOccurred())
		told.Write(text)
		g.Expect(os.WriteFile(filepath.Join(folder, filepath.Base(file)), text, 0o600)).To(Succeed())
		t.Run(filepath.Base(file), func(t *testing.T) { promtool(t, folder, "test", "rules", filepath.Base(file)) })
	}
	for _, alert := range alerts(t) {
		g.Expect(told.String()).To(ContainSubstring("docs/runbooks/"+alert.Alert+".md"), "no test lets it fire")
	}
}

// Whoever is woken finds out what happened, how bad it is, and what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	for _, alert := range alerts(t) {
		t.Run(alert.Alert, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(alert.Labels).To(HaveLen(1))
			g.Expect(alert.Labels).To(HaveKeyWithValue("severity", BeElementOf("critical", "warning")))
			g.Expect(alert.Annotations).To(HaveLen(3))
			g.Expect(alert.Annotations["summary"]).To(HaveSuffix("."))
			g.Expect(alert.Annotations["description"]).To(HaveSuffix("."))
			g.Expect(alert.Annotations).To(HaveKeyWithValue("runbook_url", project+runbooks+"/"+alert.Alert+".md"))
		})
	}
}

func TestEveryAlertHasARunbookAndEveryRunbookAnAlert(t *testing.T) {
	g := NewWithT(t)
	index := string(read(t, runbooks+"/README.md"))
	expected := []string{"README.md"}
	for _, alert := range alerts(t) {
		page := alert.Alert + ".md"
		expected = append(expected, page)
		g.Expect(index).To(ContainSubstring("[" + alert.Alert + "](" + page + ") | " + alert.Labels["severity"] + " |"))
		text := string(read(t, runbooks+"/"+page))
		g.Expect(text).To(HavePrefix("# " + alert.Alert + "\n"))
		for _, section := range []string{"What it means", "What is at stake", "Look", "Do", "Over when"} {
			g.Expect(text).To(ContainSubstring("\n## "+section+"\n"), page)
		}
	}
	entries, err := os.ReadDir(filepath.Join(root, runbooks))
	g.Expect(err).NotTo(HaveOccurred())
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	g.Expect(found).To(ConsistOf(expected))
}
