// Package image_test holds the Dockerfile to what docs/compatibility.md and SECURITY.md promise of the images.
package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(root + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The same sources make the same image: what it is made of is pinned by digest, and each image runs as a user that is known to be none in particular.
func TestBasesArePinned(t *testing.T) {
	dockerfile := read(t, "Dockerfile")
	bases, stages := 0, map[string]bool{}
	for _, from := range regexp.MustCompile(`(?m)^FROM (?:--platform=\S+ )?(\S+) AS (\S+)$`).FindAllStringSubmatch(dockerfile, -1) {
		if stages[from[2]] = true; stages[from[1]] {
			continue
		}
		bases++
		if !regexp.MustCompile(`^[a-z./-]+:[a-z0-9.-]+@sha256:[0-9a-f]{64}$`).MatchString(from[1]) {
			t.Errorf("%s is not pinned by digest, or has no tag for people and dependabot", from[1])
		}
	}
	if bases != 3 || strings.Count(dockerfile, "\nUSER 65532:65532\n") != 2 {
		t.Errorf("%d bases, or an image without its user", bases)
	}
}

// What the Dockerfile copies is let through by .dockerignore, and nothing else is.
func TestContext(t *testing.T) {
	ignored := read(t, ".dockerignore")
	copied := 0
	for _, line := range regexp.MustCompile(`(?m)^COPY ([a-z][^-\n]*) \S+$`).FindAllStringSubmatch(read(t, "Dockerfile"), -1) {
		for path := range strings.FieldsSeq(line[1]) {
			copied++
			if _, err := os.Stat(root + path); err != nil || !strings.Contains(ignored, "\n!"+path+"\n") {
				t.Errorf("%s is copied: %v, .dockerignore is %q", path, err, ignored)
			}
		}
	}
	if copied != strings.Count(ignored, "\n!") {
		t.Errorf("%d paths are copied, .dockerignore lets %d through", copied, strings.Count(ignored, "\n!"))
	}
}

// The flags that the image, make and the end-to-end tests build with stamp the version in: manager --version says it.
func TestVersionIsStamped(t *testing.T) {
	flags := regexp.MustCompile(`go build (-trimpath) -ldflags "([^"]*)"`)
	makefile := strings.ReplaceAll(read(t, "Makefile"), "$(VERSION)", "$VERSION")
	fromImage, fromMake := flags.FindStringSubmatch(read(t, "Dockerfile")), flags.FindStringSubmatch(makefile)
	if fromImage == nil || fromMake == nil || fromImage[0] != fromMake[0] {
		t.Fatalf("the image is built with %q, make builds with %q", fromImage, fromMake)
	}
	const version = "v1.2.3-rc.1"
	manager := filepath.Join(t.TempDir(), "manager")
	// Without -trimpath and as this machine builds by default: then what other tests have built need not be built again, and the linker does the same.
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", strings.ReplaceAll(fromImage[2], "$VERSION", version), "-o", manager, "./cmd/manager")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), manager, "--version").Output()
	if err != nil || string(out) != version+"\n" {
		t.Errorf("it says %q (%v)", out, err)
	}
}
