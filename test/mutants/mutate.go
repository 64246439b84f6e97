package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// apply returns the defect's file as it is with the defect.
func (d defect) apply(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, d.file))
	if err != nil {
		return "", err
	}
	if count := strings.Count(string(text), d.old); count != 1 {
		return "", fmt.Errorf("%q: what it replaces stands %d times in %s instead of once", d.name, count, d.file)
	}
	changed := strings.Replace(string(text), d.old, d.new, 1)
	if strings.Contains(d.new, "log.FromContext") && !strings.Contains(changed, "controller-runtime/pkg/log\"") {
		changed = strings.Replace(changed, "import (\n", "import (\n\t\"sigs.k8s.io/controller-runtime/pkg/log\"\n", 1)
	}
	return changed, nil
}

// overlay writes what `go test -overlay` needs to build the program with the defect, into a directory, and returns that file's name.
func (d defect) overlay(root, directory string) (string, error) {
	changed, err := d.apply(root)
	if err != nil {
		return "", err
	}
	source := filepath.Join(directory, "defect.go")
	if err := os.WriteFile(source, []byte(changed), 0o600); err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, d.file): source}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(directory, "overlay.json")
	return file, os.WriteFile(file, replace, 0o600)
}
