package main

import (
	"bytes"
	"os"
	"testing"
)

func TestPatchIsCurrent(t *testing.T) {
	const root = "../../config/argocd/"
	var made bytes.Buffer
	if err := write(&made, root+"resource_customizations/fotacallback.dev/FotaCallback"); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(root + "argocd-cm.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(made.Bytes(), kept) {
		t.Error("config/argocd/argocd-cm.yaml is not what the scripts make: run 'make manifests'")
	}
}
