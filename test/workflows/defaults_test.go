package workflows_test

import (
	"cmp"
	"go/version"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What installs when no version is named can be pulled: each image that a default names is pushed under that name.
func TestDefaultImagesArePushed(t *testing.T) {
	images := decode[release](t, ".github/workflows/release.yaml").Jobs["images"]
	latest := thatHas(images.Steps, `--tag "$REPOSITORY:latest"`)
	if latest < 0 || images.Steps[latest].If != "needs.check.outputs.latest == 'true'" {
		t.Fatal("latest is not pushed, or not for the newest stable version alone")
	}
	if thatHas(images.Steps[:latest], "cosign sign") < 0 {
		t.Error("latest is pushed before it is signed")
	}
	pushed := map[string]bool{}
	for _, image := range images.Strategy.Matrix.Include {
		pushed["ghcr.io/fota-callback-operator/"+image.Name+":latest"] = true
	}
	for where, image := range defaultImages(t) {
		if !pushed[image] {
			t.Errorf("%s: %s is never pushed", where, image)
		}
	}
}

// defaultImages are the images that are installed when nothing is said, by where that is written.
func defaultImages(t *testing.T) map[string]string {
	t.Helper()
	images := map[string]string{}
	for _, file := range []string{"config/manager/kustomization.yaml", "config/simulator/kustomization.yaml"} {
		kustomization := decode[struct {
			Images []struct {
				NewName string `json:"newName"`
				NewTag  string `json:"newTag"`
			} `json:"images"`
		}](t, file)
		for _, image := range kustomization.Images {
			images[file] = image.NewName + ":" + image.NewTag
		}
	}
	chart := decode[struct {
		AppVersion string `json:"appVersion"`
	}](t, "charts/fota-callback-operator/Chart.yaml")
	values := decode[struct {
		Manager struct {
			Image struct {
				Repository string `json:"repository"`
			} `json:"image"`
		} `json:"manager"`
	}](t, "charts/fota-callback-operator/values.yaml")
	images["the chart"] = values.Manager.Image.Repository + ":" + chart.AppVersion
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range regexp.MustCompile(`(?m)^((?:SIMULATOR_)?IMG) \?= (\S+)$`).FindAllStringSubmatch(string(makefile), -1) {
		images["the Makefile's "+variable[1]] = variable[2]
	}
	if len(images) != 5 {
		t.Fatalf("defaults are read from %v", images)
	}
	return images
}

// A test that hangs ends by itself and says where, before the job that it runs in is ended and says nothing.
func TestEndToEndEndsBeforeItsJob(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`./test/e2e .*-timeout (\S+)`).FindStringSubmatch(string(makefile))
	if given == nil {
		t.Fatal("make test-e2e has no timeout")
	}
	tests, err := time.ParseDuration(given[1])
	if err != nil {
		t.Fatal(err)
	}
	// Images are built and a cluster is started before.
	const before = 15 * time.Minute
	if job := time.Duration(decode[workflow](t, ".github/workflows/e2e.yaml").Jobs["kind"].Minutes) * time.Minute; job < tests+before {
		t.Errorf("the job has %v, the tests alone %v", job, tests)
	}
}

// Every module of this repository is looked after.
func TestDependabotKnowsEveryModule(t *testing.T) {
	dependabot := decode[struct {
		Updates []struct {
			Ecosystem   string   `json:"package-ecosystem"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}](t, ".github/dependabot.yml")
	var known []string
	for _, update := range dependabot.Updates {
		if update.Ecosystem == "gomod" {
			known = append(known, update.Directories...)
		}
	}
	for _, file := range modules(t) {
		folder := "/" + strings.TrimPrefix(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../.."), "/")
		if !slices.ContainsFunc(known, func(pattern string) bool { ok, _ := path.Match(pattern, folder); return ok }) {
			t.Errorf("dependabot does not look after %s", folder)
		}
	}
}

// Jobs run the Go that the root's go.mod names, and that one fetches no other: it has to do for every module.
func TestGoOfJobsDoesForEveryModule(t *testing.T) {
	const root = "../../go.mod"
	line := func(file, directive string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?m)^` + directive + `([0-9]\S*)$`).FindSubmatch(text)
		if found == nil {
			return ""
		}
		return "go" + string(found[1])
	}
	// setup-go takes the toolchain where there is one, and the go line else.
	jobs := cmp.Or(line(root, "toolchain go"), line(root, "go "))
	for _, file := range modules(t) {
		needs := line(file, "go ")
		if !version.IsValid(jobs) || !version.IsValid(needs) || version.Compare(needs, jobs) > 0 {
			t.Errorf("%s needs %q, and jobs have %q", file, needs, jobs)
		}
	}
}

// modules are the go.mod files of this repository.
func modules(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "bin" || name == ".git" || name == "testdata") {
			return fs.SkipDir
		}
		if entry.Name() == "go.mod" {
			files = append(files, file)
		}
		return nil
	})
	if err != nil || len(files) < 9 {
		t.Fatalf("%d modules, %v", len(files), err)
	}
	return files
}
