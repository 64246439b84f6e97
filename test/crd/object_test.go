package crd_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

// stored creates an object that goes when the test ends.
func stored(t *testing.T, spec fields) *unstructured.Unstructured {
	t.Helper()
	o := object(spec)
	if err := users.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := users.Delete(context.WithoutCancel(t.Context()), o); err != nil {
			t.Error(err)
		}
	})
	return o
}

// The API server adds nothing to spec, or GitOps tools would show a difference; it adds to status what kstatus, Helm and Flux wait on.
func TestNothingIsAddedToSpec(t *testing.T) {
	o := stored(t, with(nil))
	spec, _, _ := unstructured.NestedMap(o.Object, "spec")
	if !maps.Equal(spec, map[string]any{"account": anAccount, "url": aURL}) {
		t.Errorf("spec became %v", spec)
	}
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if !maps.Equal(status, map[string]any{"observedGeneration": int64(-1)}) {
		t.Errorf("status begins as %v", status)
	}
}

// A user's apply can't set status.
func TestStatusIsTheOperators(t *testing.T) {
	o := object(with(nil))
	_ = unstructured.SetNestedField(o.Object, "https://elsewhere.example.net/", "status", "registeredURL")
	if err := users.Create(t.Context(), o, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	if registered, found, _ := unstructured.NestedString(o.Object, "status", "registeredURL"); found {
		t.Errorf("status.registeredURL became %q", registered)
	}
}

func TestChanges(t *testing.T) {
	account := "account can't be changed: create a new FotaCallback for the other account and delete this one"
	everything := fields{
		"url": "https://other.example.com/", "adoptionPolicy": "IfUnregistered", "driftPolicy": "Warn", "deletionPolicy": "Retain", "interval": "1h", "suspend": true,
		"credentialsSecretRef": map[string]any{"name": "other"},
	}
	for name, row := range map[string]struct {
		from, to fields
		says     string
	}{
		"another account":           {nil, fields{"account": "0000123456-00002"}, account},
		"letter case of an account": {fields{"account": "abc"}, fields{"account": "ABC"}, account},
		"no account":                {nil, fields{"account": nil}, "spec.account: Required value"},
		"everything else":           {nil, everything, ""},
		"and back":                  {everything, nil, ""},
		"a bad URL":                 {nil, fields{"url": "http://fota.example.com/"}, "url must start with https://"},
	} {
		o := stored(t, with(row.from))
		o.Object["spec"] = map[string]any(with(row.to))
		err := users.Update(t.Context(), o)
		switch {
		case row.says == "" && err != nil:
			t.Errorf("%s was refused: %v", name, err)
		case row.says != "" && (err == nil || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%s: the API server said %v, expected %s", name, err, row.says)
		}
	}
}

// What kubectl get shows, in this order; Remote with -o wide alone.
func TestColumns(t *testing.T) {
	o := stored(t, with(nil))
	o.Object["status"] = map[string]any{
		"remoteURL": "https://remote.example.net/",
		"conditions": []any{map[string]any{
			"type": "Ready", "status": "False", "reason": "Drifted", "message": "m", "lastTransitionTime": "2026-01-02T03:04:05Z",
		}},
	}
	if err := users.Status().Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	table := tableOf(t, o)
	var names, wide []string
	for _, column := range table.ColumnDefinitions {
		names = append(names, column.Name)
		if column.Priority > 0 {
			wide = append(wide, column.Name)
		}
	}
	if want := []string{"Name", "Account", "URL", "Ready", "Reason", "Remote", "Age"}; !slices.Equal(names, want) {
		t.Errorf("columns are %v, expected %v", names, want)
	}
	if want := []string{"Remote"}; !slices.Equal(wide, want) {
		t.Errorf("with -o wide alone: %v, expected %v", wide, want)
	}
	if got, want := table.Rows[0].Cells[:6], []any{o.GetName(), anAccount, aURL, "False", "Drifted", "https://remote.example.net/"}; !slices.Equal(got, want) {
		t.Errorf("the row is %v, expected %v", got, want)
	}
}

// tableOf asks for an object as kubectl get does.
func tableOf(t *testing.T, o *unstructured.Unstructured) metav1.Table {
	t.Helper()
	body := get(t, "/apis/fotacallback.dev/v1alpha1/namespaces/default/fotacallbacks/"+o.GetName(), "application/json;as=Table;v=v1;g=meta.k8s.io")
	var answer metav1.Table
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Rows) != 1 {
		t.Fatalf("not a table of one row: %v: %s", err, body)
	}
	return answer
}

// kubectl get fotacallbacks --field-selector spec.account=… finds who has an account.
func TestAccountIsSelectable(t *testing.T) {
	stored(t, with(fields{"account": "1-1"}))
	wanted := stored(t, with(fields{"account": "1-2"}))
	found := &unstructured.UnstructuredList{}
	found.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("FotaCallbackList"))
	if err := users.List(t.Context(), found, client.MatchingFields{"spec.account": "1-2"}); err != nil {
		t.Fatal(err)
	}
	if len(found.Items) != 1 || found.Items[0].GetName() != wanted.GetName() {
		t.Errorf("found %d objects: %v", len(found.Items), found.Items)
	}
}
