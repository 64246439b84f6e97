package gitops_test

import (
	"os"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"sigs.k8s.io/yaml"
)

// flux judges as kustomize-controller does with healthCheckExprs: a generation that is not observed is in progress; then the expressions are asked, in
// this order; what none of them names is in progress.
type flux []struct {
	status  string
	program cel.Program
}

func fluxExpressions(t *testing.T) flux {
	t.Helper()
	text, err := os.ReadFile("../../config/flux/fotacallbacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var sample kustomizev1.Kustomization
	if err := yaml.UnmarshalStrict(text, &sample); err != nil {
		t.Fatal(err)
	}
	checks := sample.Spec.HealthCheckExprs
	if len(checks) != 1 || checks[0].APIVersion != "fotacallback.dev/v1alpha1" || checks[0].Kind != "FotaCallback" || !sample.Spec.Wait {
		t.Fatalf("the sample does not wait for FotaCallbacks: %+v", sample.Spec)
	}
	environment, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.EagerlyValidateDeclarations(true), cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Strings(), ext.Sets(), ext.Encoders())
	if err != nil {
		t.Fatal(err)
	}
	program := func(expression string) cel.Program {
		parsed, issues := environment.Parse(expression)
		if issues.Err() != nil {
			t.Fatalf("%s: %v", expression, issues.Err())
		}
		program, err := environment.Program(parsed, cel.EvalOptions(cel.OptOptimize))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return program
	}
	return flux{{"InProgress", program(checks[0].InProgress)}, {"Failed", program(checks[0].Failed)}, {"Current", program(checks[0].Current)}}
}

func (f flux) judge(t *testing.T, o object) string {
	t.Helper()
	status, _ := o["status"].(object)
	if observed, ok := status["observedGeneration"]; ok && observed != o["metadata"].(object)["generation"] {
		return "InProgress"
	}
	for _, check := range f {
		result, _, err := check.program.Eval(o)
		if err != nil {
			t.Fatalf("%s of %v: %v", check.status, o, err)
		}
		if result.Value() == true {
			return check.status
		}
	}
	return "InProgress"
}

// Flux leaves out its own check where status has no observedGeneration; the expressions must not take that for a verdict.
func TestFluxWithoutObservedGeneration(t *testing.T) {
	o := combination{observed: "current", ready: "True"}.object()
	delete(o["status"].(object), "observedGeneration")
	if got := fluxExpressions(t).judge(t, o); got != "InProgress" {
		t.Errorf("Flux says %s", got)
	}
}

// Flux's own types know every field of the samples.
func TestFluxSamples(t *testing.T) {
	text, err := os.ReadFile("../../config/samples/flux/operator.yaml")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		if !strings.Contains(document, "kind: Kustomization") {
			continue
		}
		var sample kustomizev1.Kustomization
		if err := yaml.UnmarshalStrict([]byte(document), &sample); err != nil {
			t.Error(err)
		}
		if sample.Spec.DeletionPolicy != kustomizev1.DeletionPolicyOrphan {
			t.Errorf("the operator goes with its Kustomization: deletionPolicy is %q", sample.Spec.DeletionPolicy)
		}
		read++
	}
	if read != 1 {
		t.Errorf("%d Kustomizations, expected the operator's", read)
	}
}

// The credentials are in a Kustomization that the FotaCallbacks' waits for, and that leaves them when it is deleted.
func TestFluxCredentialsOutliveTheObjects(t *testing.T) {
	var credentials, objects kustomizev1.Kustomization
	for file, into := range map[string]*kustomizev1.Kustomization{"credentials": &credentials, "fotacallbacks": &objects} {
		text, err := os.ReadFile("../../config/flux/" + file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Fatal(err)
		}
	}
	if credentials.Spec.DeletionPolicy != kustomizev1.DeletionPolicyOrphan || objects.Spec.DeletionPolicy != kustomizev1.DeletionPolicyWaitForTermination {
		t.Errorf("deletion policies %s and %s", credentials.Spec.DeletionPolicy, objects.Spec.DeletionPolicy)
	}
	waits := false
	for _, other := range objects.Spec.DependsOn {
		waits = waits || other.Name == credentials.Name
	}
	if !waits || credentials.Spec.Path == objects.Spec.Path || len(credentials.Spec.DependsOn) > 0 {
		t.Errorf("%+v does not wait for %s", objects.Spec.DependsOn, credentials.Name)
	}
}
