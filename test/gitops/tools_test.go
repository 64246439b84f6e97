package gitops_test

import (
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/aggregator"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/event"
	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubectl/pkg/cmd/wait"
)

func kstatus(t *testing.T, o object) status.Status {
	t.Helper()
	result, err := status.Compute(&unstructured.Unstructured{Object: o})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// helmWait is what helm --wait (Helm 4, by default) makes of kstatus: it goes on until all is Current, and gives up what is Failed.
func helmWait(s status.Status) string {
	switch aggregator.AggregateStatus([]*event.ResourceStatus{{Status: s}}, status.CurrentStatus) {
	case status.CurrentStatus:
		return "done"
	case status.FailedStatus:
		return "fails"
	default:
		return "waits"
	}
}

// kubectlWait asks kubectl's own code, once, with a timeout of 0: is the condition met now?
type kubectlWait struct {
	options *wait.WaitOptions
	mapping *meta.RESTMapping
}

func newKubectlWait(t *testing.T) kubectlWait {
	t.Helper()
	getter := genericclioptions.NewTestConfigFlags().WithClientConfig(
		clientcmd.NewDefaultClientConfig(*clientcmdapi.NewConfig(), &clientcmd.ConfigOverrides{ClusterInfo: clientcmdapi.Cluster{Server: "https://nowhere.invalid"}}))
	flags := wait.NewWaitFlags(getter, genericiooptions.NewTestIOStreamsDiscard())
	flags.ForCondition = []string{"condition=Ready"}
	options, err := flags.ToOptions([]string{"fotacallback/fleet-east"})
	if err != nil {
		t.Fatal(err)
	}
	options.Timeout = 0
	return kubectlWait{options, &meta.RESTMapping{
		Resource:         schema.GroupVersionResource{Group: "fotacallback.dev", Version: "v1alpha1", Resource: "fotacallbacks"},
		GroupVersionKind: schema.GroupVersionKind{Group: "fotacallback.dev", Version: "v1alpha1", Kind: "FotaCallback"},
		Scope:            meta.RESTScopeNamespace,
	}}
}

func (k kubectlWait) judge(t *testing.T, o object) string {
	t.Helper()
	k.options.DynamicClient = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
		map[schema.GroupVersionResource]string{k.mapping.Resource: "FotaCallbackList"}, &unstructured.Unstructured{Object: o})
	info := &resource.Info{Mapping: k.mapping, Namespace: "iot", Name: "fleet-east"}
	_, met, err := k.options.ConditionFn[0](t.Context(), info, k.options)
	switch {
	case met && err == nil:
		return "met"
	case err != nil && err.Error() == "condition not met for fotacallbacks/fleet-east":
		return "waits"
	}
	t.Fatalf("kubectl wait of %v: met %v, %v", o, met, err)
	return ""
}
