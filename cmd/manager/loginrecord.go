package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
)

const (
	podNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	loginRecordRetry = 2 * time.Second

	howToGrantRecord = "It is granted by the Role and the RoleBinding for the login record, in the ConfigMap's namespace: get and update of this ConfigMap, and create of ConfigMaps"
)

// loginRecordName returns the ConfigMap that counts logins: as --login-record says, or in the pod's namespace; outside of a pod, in that of the kubeconfig's context.
func loginRecordName(flag, kubeconfig string) (types.NamespacedName, error) {
	namespace, name, both := strings.Cut(flag, "/")
	if flag != "" {
		if !both || len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
			return types.NamespacedName{}, fmt.Errorf("--login-record must be NAMESPACE/NAME of a ConfigMap, for example fota/fota-callback-operator-logins, not %q", flag)
		}
		return types.NamespacedName{Namespace: namespace, Name: name}, nil
	}
	pod, err := os.ReadFile(podNamespaceFile)
	namespace = strings.TrimSpace(string(pod))
	if err != nil {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		rules.ExplicitPath = kubeconfig
		if namespace, _, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).Namespace(); err != nil {
			namespace = metav1.NamespaceDefault // where there is no kubeconfig at all, the start says so
		}
	}
	return types.NamespacedName{Namespace: namespace, Name: operatorName + "-logins"}, nil
}

// newLoginRecord returns the record of logins that the manager opens when it starts. Whether it may write there is known then, and not only before the first login.
func newLoginRecord(manager ctrl.Manager, name types.NamespacedName, start *startup) (*logins.Store, error) {
	store := logins.NewStore(struct {
		client.Reader
		client.Writer
	}{manager.GetAPIReader(), client.WithFieldOwner(manager.GetClient(), operatorName)}, name, clock.RealClock{})
	return store, manager.Add(openedRecord{store, start})
}

// openedRecord opens the record in each replica, and writes what could not be written at once.
type openedRecord struct {
	store *logins.Store
	start *startup
}

// NeedLeaderElection says that a replica that does not lead finds out too what it lacks.
func (openedRecord) NeedLeaderElection() bool { return false }

// Start implements manager.Runnable.
func (r openedRecord) Start(ctx context.Context) error {
	for ctx.Err() == nil {
		err := r.store.Open(ctx)
		switch {
		case err == nil:
			return r.store.Start(ctx)
		case apierrors.IsForbidden(err):
			r.start.giveUp(fmt.Errorf("%w. %s", err, howToGrantRecord))
			return nil
		case apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
			r.start.giveUp(fmt.Errorf("%w. Create its namespace, or name another ConfigMap with --login-record", err))
			return nil
		case ctx.Err() == nil && !errors.Is(err, context.Canceled):
			log.FromContext(ctx).Error(err, "The login record can't be opened yet; nobody signs in before it is. Tried again.")
		}
		select {
		case <-ctx.Done():
		case <-time.After(loginRecordRetry):
		}
	}
	return nil
}
