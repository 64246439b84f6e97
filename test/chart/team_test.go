package chart_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// What the recipe shows for another team builds from a folder of the user's own, and has nothing to do with team-a any more: neither what is installed, nor
// who is bound, nor what is watched.
func TestAnotherTeam(t *testing.T) {
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(read(t, root+"docs/recipes/many-teams.md"), -1)
	at := slices.IndexFunc(blocks, func(block []string) bool { return strings.Contains(block[1], "\nkind: Kustomization\n") })
	if at < 0 {
		t.Fatal("the recipe shows no kustomization")
	}
	url := regexp.MustCompile(`"https://github.com/fota-callback-operator/fota-callback-operator//(config/namespaced)\?ref=v[0-9.]+"`)
	dir := t.TempDir()
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(dir, absolute)
	if err != nil {
		t.Fatal(err)
	}
	text := url.ReplaceAllString(blocks[at][1], filepath.ToSlash(relative)+"/$1")
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all := kustomize(t, dir)
	for _, o := range all {
		if o.GetNamespace() != "team-b" {
			t.Errorf("%s %s is in %q", o.GetKind(), o.GetName(), o.GetNamespace())
		}
	}
	arguments := one[appsv1.Deployment](t, all, "Deployment").Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(arguments, "--watch-namespaces=team-b") || strings.Contains(strings.Join(arguments, " "), "team-a") {
		t.Errorf("%v", arguments)
	}
	bindings := find(all, "RoleBinding")
	if len(bindings) < 2 {
		t.Errorf("%d RoleBindings", len(bindings))
	}
	for _, binding := range bindings {
		for _, subject := range as[rbacv1.RoleBinding](t, binding).Subjects {
			if subject.Namespace != "team-b" {
				t.Errorf("%s binds %v", binding.GetName(), subject)
			}
		}
	}
}
