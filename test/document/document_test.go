package document_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

func TestReplace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "document.md")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n<!-- begin counts -->\nold\n<!-- end counts -->\nafter\n")
	if err := document.Replace(file, "counts", "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := document.Section(file, "counts"); err != nil || got != "new\n" {
		t.Errorf("the section is %q (%v)", got, err)
	}
	if got, _ := os.ReadFile(file); string(got) != "before\n<!-- begin counts -->\nnew\n<!-- end counts -->\nafter\n" {
		t.Errorf("the document is\n%s", got)
	}
	write("<!-- begin counts -->\n")
	if err := document.Replace(file, "counts", "new\n"); err == nil {
		t.Error("a section without an end is replaced")
	}
}
