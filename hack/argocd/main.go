// Command argocd prints the patch of argocd-cm that teaches Argo CD about FotaCallbacks, made from the files that are kept in Argo CD's own folder
// layout.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := write(os.Stdout, "config/argocd/resource_customizations/fotacallback.dev/FotaCallback"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write needs no YAML library: a literal block is its lines, indented.
func write(w io.Writer, dir string) error {
	scripts := map[string]string{}
	for name, indent := range map[string]int{
		"health.lua": 4, "actions/discovery.lua": 6, "actions/reconcile/action.lua": 10, "actions/suspend/action.lua": 10, "actions/resume/action.lua": 10,
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		scripts[name] = indented(string(text), indent)
	}
	_, err := fmt.Fprintf(w, `# Made by make manifests from resource_customizations: edit it there.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
  resource.customizations.health.fotacallback.dev_FotaCallback: |
%s  resource.customizations.actions.fotacallback.dev_FotaCallback: |
    discovery.lua: |
%s    definitions:
      - name: reconcile
        action.lua: |
%s      - name: suspend
        action.lua: |
%s      - name: resume
        action.lua: |
%s`, scripts["health.lua"], scripts["actions/discovery.lua"],
		scripts["actions/reconcile/action.lua"], scripts["actions/suspend/action.lua"], scripts["actions/resume/action.lua"])
	return err
}

func indented(text string, by int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString(strings.Repeat(" ", by))
		}
		b.WriteString(line)
	}
	return b.String()
}
