package document_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

func TestShellAndCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "document.md")
	text := "# One\n```sh\nnot this\n```\n## Two\n1. Do:\n\n   ```sh\n   a \\\n     b\n\n   c <<EOF\n   x: \\\n\n   EOF\n   d\n   ```\n\n```yaml\nnor: this\n```\n\n```sh\ne\n```\n### Three\n```sh\nnor this\n```\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks, err := document.Shell(file, "Two")
	if err != nil || len(blocks) != 2 || blocks[1] != "e\n" {
		t.Fatalf("%q, %v", blocks, err)
	}
	if got, want := document.Commands(blocks[0]), []string{"a \\\n  b", "c <<EOF\nx: \\\n\nEOF", "d"}; !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if _, err := document.Shell(file, "Four"); err == nil {
		t.Error("a heading that is not there is found")
	}
}
