package chart_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const limit = 30 * time.Second

var set *stage.Stage

func TestMain(m *testing.M) {
	os.Exit(stage.Run(root, nil, func(s *stage.Stage) (int, error) {
		set = s
		log.SetLogger(logr.Discard())
		return m.Run(), nil
	}))
}

// crd is the CRD as it is in the cluster.
func crd(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	o := &apiextensionsv1.CustomResourceDefinition{}
	NewWithT(t).Expect(cluster(t).Get(t.Context(), client.ObjectKey{Name: "fotacallbacks.fotacallback.dev"}, o)).To(Succeed())
	return o
}

// cluster is a client for what the stage's own does not know.
func cluster(t *testing.T) client.Client {
	t.Helper()
	c, err := client.New(set.Config, client.Options{Scheme: scheme})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return c
}

// withoutCRD removes what the stage has installed.
func withoutCRD(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	o := crd(t)
	g.Expect(cluster(t).Delete(t.Context(), o)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(cluster(t).Get(t.Context(), client.ObjectKeyFromObject(o), o))
	}).WithTimeout(limit).Should(BeTrue())
}

// served waits until the API server serves FotaCallbacks.
func served(t *testing.T) {
	t.Helper()
	NewWithT(t).Eventually(func() error { return set.Client.List(t.Context(), &v1alpha1.FotaCallbackList{}) }).WithTimeout(limit).Should(Succeed())
}

// run starts the operator as the chart's ServiceAccount, with the chart's arguments as far as they hold outside a pod. What it returns ends the operator,
// and finds out whether it was refused anything.
func run(t *testing.T, namespace, account string, arguments []string) (stop func()) {
	t.Helper()
	g := NewWithT(t)
	config, err := clientcmd.LoadFromFile(set.Kubeconfig)
	g.Expect(err).NotTo(HaveOccurred())
	for _, info := range config.AuthInfos {
		info.Impersonate = "system:serviceaccount:" + namespace + ":" + account
	}
	for _, cluster := range config.Contexts {
		cluster.Namespace = namespace // where the pod would be
	}
	g.Expect(set.ForgetLogins(t.Context(), namespace)).To(Succeed())
	path := filepath.Join(t.TempDir(), "kubeconfig")
	g.Expect(clientcmd.WriteToFile(*config, path)).To(Succeed())
	before, err := set.Forbidden(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	process, err := set.StartOperator(append(arguments, "--kubeconfig="+path, "--leader-election-namespace="+namespace)...)
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(process.Kill)
	return func() {
		t.Helper()
		g.Expect(process.Stop()).To(Succeed())
		after, err := set.Forbidden(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(after-before).To(BeZero(), "requests refused for want of permission")
	}
}

// declare makes a namespace with credentials where there is none, and a FotaCallback in it.
func declare(t *testing.T, namespace, account string) *v1alpha1.FotaCallback {
	t.Helper()
	g := NewWithT(t)
	err := set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	g.Expect(client.IgnoreAlreadyExists(err)).To(Succeed())
	g.Expect(set.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	})).To(Succeed())
	o := &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "fleet"},
		Spec:       v1alpha1.FotaCallbackSpec{Account: account, URL: "https://fota.example.com/" + namespace},
	}
	g.Expect(set.Client.Create(t.Context(), o)).To(Succeed())
	return o
}

func ready(t *testing.T, o *v1alpha1.FotaCallback) {
	t.Helper()
	NewWithT(t).Eventually(func() bool {
		_ = set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o)
		return meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
	}).WithTimeout(limit).Should(BeTrue())
}

// stays holds the cluster and ThingSpace to what an uninstall may not take: the CRD, the object, its registration.
func stays(t *testing.T, o *v1alpha1.FotaCallback) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(crd(t).DeletionTimestamp).To(BeNil())
	live := &v1alpha1.FotaCallback{}
	g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), live)).To(Succeed())
	g.Expect(live.UID).To(Equal(o.UID))
	g.Expect(live.DeletionTimestamp).To(BeNil())
	registered, err := set.Registrations(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(registered).To(HaveKeyWithValue(o.Spec.Account, o.Spec.URL))
}
