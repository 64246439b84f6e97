package soak_test

import (
	"fmt"
	"net/http"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
)

const (
	namespace     = "soak"
	wrongName     = "wrong"
	wrongPassword = "canary-not-the-password"
	ourURLs       = "https://fota.example.com/canary-path/"
	strangersURL  = "https://elsewhere.example.net/canary-hook"
)

func password(n int) string        { return fmt.Sprintf("canary-password-%d", n) }
func changedPassword(n int) string { return fmt.Sprintf("canary-changed-%d", n) }

// prepare makes the namespace, right credentials and wrong ones, and a registration that is nobody's business.
func prepare(t *testing.T) {
	t.Helper()
	expect(t).Expect(set.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})).To(Succeed())
	for n := range users {
		credentials(t, user(n), password(n), password(n))
	}
	credentials(t, wrongName, "the-password", wrongPassword)
	expect(t).Expect(set.Simulator(t.Context(), http.MethodPut, "registrations/somebody-elses", `{"url":"`+strangersURL+`"}`, nil)).To(Succeed())
}

// credentials makes a user with a password, and a Secret with what may be another one.
func credentials(t *testing.T, user, password, claimed string) {
	t.Helper()
	expect(t).Expect(set.Simulator(t.Context(), http.MethodPut, "users/"+user, `{"password":"`+password+`"}`, nil)).To(Succeed())
	expect(t).Expect(set.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: user},
		StringData: map[string]string{
			"client-id": simulator.DefaultClientID, "client-secret": simulator.DefaultClientSecret, "username": user, "password": claimed,
		},
	})).To(Succeed())
}
