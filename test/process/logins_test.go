package process_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/logins"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/stage"
)

// Two operators, each with a namespace of its own, share one record. Both are killed at random while the Secrets of one user hold one wrong password after the other,
// and while somebody sets back the time of the last login, so that many logins could come in little time: three come, and no fourth.
func TestTwoOperatorsWithOneRecordAreKilledAtRandomMoments(t *testing.T) {
	const lives = 25
	g, ctx := NewWithT(t), t.Context()
	spaces := []string{"record-one", "record-two"}
	for _, name := range spaces {
		namespace(t, name)
		g.Expect(set.Client.Create(ctx, callback(name, 0))).To(Succeed())
	}
	g.Expect(set.Simulator(ctx, http.MethodPost, "users/"+simulator.DefaultUsername+"/unlock", "", nil)).To(Succeed())
	failed := func() int {
		var user simulator.User
		g.Expect(set.Simulator(ctx, http.MethodGet, "users/"+simulator.DefaultUsername, "", &user)).To(Succeed())
		return user.FailedLogins
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	var operators, others sync.WaitGroup
	ended := make(chan struct{})
	for n, name := range spaces {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		operators.Go(func() {
			for life := range lives {
				putPassword(t, name, fmt.Sprintf("wrong-%d-%d", n, life))
				process, err := set.StartOperator("--watch-namespaces="+name, "--thingspace-qps=0")
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(300+random.IntN(900)) * time.Millisecond)
				process.Kill()
			}
		})
	}
	record := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: stage.LoginRecordNamespace, Name: stage.LoginRecordName}}
	others.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(50 * time.Millisecond):
				setLastLoginBack(t, record)
			}
		}
	})
	operators.Wait()
	close(ended)
	others.Wait()

	g.Expect(failed()).To(BeNumerically("<=", 3))
	g.Expect(failed()).To(BeNumerically(">=", 1), "or else nothing was tried")
	var stored logins.Record
	g.Expect(json.Unmarshal([]byte(record.Data[logins.Key(simulator.DefaultUsername)]), &stored)).To(Succeed())
	g.Expect(stored.Failed).To(BeNumerically(">=", failed()), "nothing that failed is uncounted")
}

func putPassword(t *testing.T, namespace, password string) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.DefaultSecretName}, StringData: map[string]string{"password": password},
	}
	if err := set.Client.Patch(t.Context(), secret, client.Merge); err != nil {
		t.Error(err)
	}
}

// setLastLoginBack lets an hour pass for the record.
func setLastLoginBack(t *testing.T, record *corev1.ConfigMap) {
	t.Helper()
	if set.Client.Get(t.Context(), client.ObjectKeyFromObject(record), record) != nil {
		return
	}
	key := logins.Key(simulator.DefaultUsername)
	var stored map[string]any
	if json.Unmarshal([]byte(record.Data[key]), &stored) != nil {
		return
	}
	stored["lastLogin"] = time.Now().Add(-time.Hour)
	text, err := json.Marshal(stored)
	if err != nil {
		t.Error(err)
		return
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]string{"resourceVersion": record.ResourceVersion}, "data": map[string]string{key: string(text)},
	})
	if err != nil {
		t.Error(err)
		return
	}
	_ = set.Client.Patch(t.Context(), record, client.RawPatch(types.MergePatchType, patch)) // an operator may have been first
}
