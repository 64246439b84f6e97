// Package privilege_test runs the operator with the permissions that config/ gives it, no more and no less.
package privilege_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

const (
	operatorNamespace = "fota-callback-operator-system"
	serviceAccount    = "fota-callback-operator-controller-manager"
	loginRecord       = "--login-record=" + operatorNamespace + "/" + stage.LoginRecordName
)

var (
	set        *stage.Stage
	kubeconfig string
	runs       int
)

func TestMain(m *testing.M) {
	os.Exit(stage.Run("../..", nil, func(s *stage.Stage) (int, error) {
		set = s
		ctx := context.Background()
		if err := applyPermissions(ctx); err != nil {
			return 1, err
		}
		var err error
		if kubeconfig, err = kubeconfigOf(ctx, serviceAccount); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}))
}

// rendered are the objects that a folder of config makes.
func rendered(ctx context.Context, folder string) ([]*unstructured.Unstructured, error) {
	build := exec.CommandContext(ctx, "go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", folder)
	build.Dir, build.Stderr = "../..", os.Stderr
	out, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("kustomize build %s: %w", folder, err)
	}
	var all []*unstructured.Unstructured
	documents := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(string(out)), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := documents.Decode(object); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
}

// applyPermissions creates from config/default what has to do with permissions: the rest needs a kubelet.
func applyPermissions(ctx context.Context) error {
	objects, err := rendered(ctx, "config/default")
	if err != nil {
		return err
	}
	for _, object := range objects {
		if !slices.Contains([]string{"Namespace", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}, object.GetKind()) {
			continue
		}
		if err := set.Client.Create(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// kubeconfigOf lets a process be a ServiceAccount of the operator's namespace, and returns the file's path.
func kubeconfigOf(ctx context.Context, account string) (string, error) {
	token, err := tokenOf(ctx, operatorNamespace, account)
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: set.Config.Host, CertificateAuthorityData: set.Config.CAData}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	path := filepath.Join(set.Dir, account)
	return path, clientcmd.WriteToFile(*config, path)
}

func tokenOf(ctx context.Context, namespace, name string) (string, error) {
	request := &authenticationv1.TokenRequest{}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := set.Client.SubResource("token").Create(ctx, account, request); err != nil {
		return "", fmt.Errorf("token of %s/%s: %w", namespace, name, err)
	}
	return request.Status.Token, nil
}

// life starts the operator and sees one FotaCallback through its life, metrics included. It returns what went wrong first.
func life(ctx context.Context, t *testing.T) error {
	t.Helper()
	const patience = 30 * time.Second
	runs++
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "fota-callback-operator"}}
	if err := errors.Join(client.IgnoreNotFound(set.Client.Delete(ctx, lease)), set.ForgetLogins(ctx, operatorNamespace)); err != nil { // each life makes its own
		return err
	}
	metrics := freeAddress(ctx, t)
	process, err := set.StartOperator("--kubeconfig="+kubeconfig, "--leader-elect=true", "--leader-election-namespace="+operatorNamespace, loginRecord,
		"--metrics-bind-address="+metrics, "--deregistration-grace=0")
	if err != nil {
		return err
	}
	defer process.Stop() //nolint:errcheck // judged by the test of processes

	namespace := fmt.Sprintf("life-%d", runs)
	o := fleet(namespace, 0)
	if err := errors.Join(withCredentials(ctx, namespace), set.Client.Create(ctx, o)); err != nil {
		return err
	}
	if err := poll(ctx, patience, "the object becomes Ready", func() bool {
		return set.Client.Get(ctx, client.ObjectKeyFromObject(o), o) == nil && meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReady)
	}); err != nil {
		return err
	}
	if err := metricsAnswer(ctx, metrics, patience); err != nil {
		return err
	}
	if err := drift(ctx, o, 1, patience); err != nil {
		return err
	}
	if err := set.Client.Delete(ctx, o); err != nil {
		return err
	}
	return poll(ctx, patience, "the object is deregistered and gone", func() bool {
		return apierrors.IsNotFound(set.Client.Get(ctx, client.ObjectKeyFromObject(o), o))
	})
}

// withCredentials makes a namespace with the Secret that objects use where they name none.
func withCredentials(ctx context.Context, namespace string) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultSecretName},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret,
			"username": simulator.DefaultUsername, "password": simulator.DefaultPassword,
		},
	}
	if err := set.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	return set.Client.Create(ctx, secret)
}

func fleet(namespace string, n int) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("fleet-%d", n)},
		Spec:       v1alpha1.FotaCallbackSpec{Account: fmt.Sprintf("%s-%d", namespace, n), URL: "https://fota.example.com/x"},
	}
}

// drift has somebody else change the registration, asks for a check, and sees it put right.
func drift(ctx context.Context, o *v1alpha1.FotaCallback, n int, patience time.Duration) error {
	if err := meddle(ctx, o); err != nil {
		return err
	}
	before := client.MergeFrom(o.DeepCopy())
	metav1.SetMetaDataAnnotation(&o.ObjectMeta, v1alpha1.RequestedAtAnnotation, strconv.Itoa(n))
	if err := set.Client.Patch(ctx, o, before); err != nil {
		return err
	}
	return poll(ctx, patience, "drift is put right", func() bool {
		all, err := set.Registrations(ctx)
		handled := set.Client.Get(ctx, client.ObjectKeyFromObject(o), o) == nil && o.Status.LastHandledReconcileAt == strconv.Itoa(n)
		return err == nil && handled && all[o.Spec.Account] == o.Spec.URL
	})
}

// meddle changes the registration as somebody else would.
func meddle(ctx context.Context, o *v1alpha1.FotaCallback) error {
	return set.Simulator(ctx, http.MethodPut, "registrations/"+o.Spec.Account, `{"url":"https://elsewhere.example.net/hook"}`, nil)
}

// metricsAnswer expects 401 to nobody, 403 to somebody, 200 to who may read metrics.
func metricsAnswer(ctx context.Context, address string, patience time.Duration) error {
	somebody, err := tokenOf(ctx, operatorNamespace, "default")
	if err != nil {
		return err
	}
	reader, err := tokenOf(ctx, operatorNamespace, "scraper")
	if err != nil {
		return err
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for token, status := range map[string]int{"": http.StatusUnauthorized, somebody: http.StatusForbidden, reader: http.StatusOK} {
		err := poll(ctx, patience, fmt.Sprintf("metrics answer %d", status), func() bool {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", http.NoBody)
			if err != nil {
				return false
			}
			if token != "" {
				request.Header.Set("Authorization", "Bearer "+token)
			}
			response, err := web.Do(request)
			if err != nil {
				return false
			}
			return response.Body.Close() == nil && response.StatusCode == status
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func poll(ctx context.Context, patience time.Duration, what string, done func() bool) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		return fmt.Errorf("it is not so that %s within %s: %w", what, patience, err)
	}
	return nil
}

func freeAddress(ctx context.Context, t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	defer listener.Close() //nolint:errcheck // only its number is wanted
	return listener.Addr().String()
}

// allowScraper binds the role that config offers to whoever scrapes.
func allowScraper(t *testing.T) {
	t.Helper()
	g := NewWithT(t)
	for _, name := range []string{"default", "scraper"} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name}}
		g.Expect(client.IgnoreAlreadyExists(set.Client.Create(t.Context(), account))).To(Succeed())
	}
	g.Expect(client.IgnoreAlreadyExists(set.Client.Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "scraper"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "fota-callback-operator-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: operatorNamespace, Name: "scraper"}},
	}))).To(Succeed())
}

func forbidden(t *testing.T) int {
	t.Helper()
	n, err := set.Forbidden(t.Context())
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return n
}

func TestPermissionsSuffice(t *testing.T) {
	g := NewWithT(t)
	allowScraper(t)
	before := forbidden(t)
	g.Expect(life(t.Context(), t)).To(Succeed())
	g.Expect(series(t.Context(), t)).To(Succeed())
	g.Expect(forbidden(t)).To(Equal(before), "nothing was refused for want of permission")
}

// Each verb of each rule is taken away in turn. The API server has to refuse something then; a life that merely takes long shows nothing.
func TestNoVerbIsSpare(t *testing.T) {
	allowScraper(t)
	for _, role := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "fota-callback-operator-manager-role"}},
		&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "fota-callback-operator-metrics-auth-role"}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "fota-callback-operator-leader-election-role"}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "fota-callback-operator-login-record-role"}},
	} {
		g := NewWithT(t)
		g.Expect(set.Client.Get(t.Context(), client.ObjectKeyFromObject(role), role)).To(Succeed())
		for i, rule := range *rulesOf(role) {
			for j, verb := range rule.Verbs {
				use := life
				if verb == "patch" && rule.Resources[0] == "events" {
					use = series
				}
				t.Run(fmt.Sprintf("%s/%s/%s", role.GetName(), strings.Join(rule.Resources, "+"), verb), func(t *testing.T) {
					withoutVerb(t, role, i, j, use)
				})
			}
		}
	}
}

func rulesOf(role client.Object) *[]rbacv1.PolicyRule {
	if cluster, ok := role.(*rbacv1.ClusterRole); ok {
		return &cluster.Rules
	}
	return &role.(*rbacv1.Role).Rules
}

func withoutVerb(t *testing.T, role client.Object, rule, verb int, use func(context.Context, *testing.T) error) {
	t.Helper()
	g := NewWithT(t)
	if (*rulesOf(role))[rule].Verbs[verb] == "list" {
		t.Setenv("KUBE_FEATURE_WatchListClient", "false") // API servers that stream lists need no list; older ones do
	}
	less := role.DeepCopyObject().(client.Object)
	rules := *rulesOf(less)
	rules[rule].Verbs = slices.Delete(slices.Clone(rules[rule].Verbs), verb, verb+1)
	if len(rules[rule].Verbs) == 0 {
		*rulesOf(less) = slices.Delete(rules, rule, rule+1)
	}
	less.SetResourceVersion("")
	g.Expect(set.Client.Update(t.Context(), less)).To(Succeed())
	defer func() {
		restored := role.DeepCopyObject().(client.Object)
		restored.SetResourceVersion("")
		g.Expect(set.Client.Update(context.Background(), restored)).To(Succeed())
	}()
	before := forbidden(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // what happens after the first refusal is of no interest
		_ = poll(ctx, time.Minute, "something is refused", func() bool {
			now, err := set.Forbidden(ctx)
			return err == nil && now > before
		})
		cancel()
	}()
	err := use(ctx, t)
	g.Expect(forbidden(t)).To(BeNumerically(">", before), "nobody misses it, the rule is spare: %v", err)
}
