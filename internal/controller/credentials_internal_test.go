package controller

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"unicode"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/rules"
	"github.com/fota-callback-operator/fota-callback-operator/internal/thingspace"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
)

func secretWith(key, value string) *corev1.Secret {
	secret := &corev1.Secret{Data: map[string][]byte{
		"client-id": []byte("id"), "client-secret": []byte("secret"), "username": []byte("user"), "password": []byte("password"),
	}}
	secret.Namespace, secret.Name = "iot", "thingspace-credentials"
	secret.Data[key] = []byte(value)
	return secret
}

// secretOf is a Secret of a user in a namespace.
func secretOf(namespace, user string) *corev1.Secret {
	secret := secretWith("username", user)
	secret.Namespace, secret.UID, secret.ResourceVersion = namespace, types.UID("uid-"+namespace), "7"
	return secret
}

func objectIn(namespace, name string) *v1alpha1.FotaCallback {
	return &v1alpha1.FotaCallback{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func TestCredentialsAsPeopleWriteThem(t *testing.T) {
	keys := []string{"client-id", "client-secret", "username", "password"}
	values := map[string]bool{
		"plain": true, "trailing\n": true, "windows\r\n": true, " \t around \n": true, "p ä ß 密码": true, "with:colon": true, `qu"ote\`: true, "emoji 😀": true,
		strings.Repeat("x", 4096): true, "{\"json\":1}": true, "%00": true, "$(cat)": true,
		"": false, " ": false, "\n": false, "\r\n\t": false, "in\nside": false, "in\r\nside": false, "nul\x00": false, "\x00": false, "esc\x1b[0m": false, "del\x7f": false,
		"latin1 \xe9": false, "\xff\xfe": false, "half \xf0\x9f": false, "c1 \u0085": true, "c1\u0085in": false,
		"\ufeffwith a byte order mark": true, "\r\n\ufeff \ufeffwith several\ufeff\n": true, "\ufeff": false, "in\ufeffside": true, "no break\u00a0": true, "zero\u200bwidth": true, "u\x00t\x00f\x001\x006\x00": false, "cut \xe5\xaf": false,
		strings.Repeat("x", 4097): false, strings.Repeat("x", 64<<10): false,
	}
	for value, usable := range values {
		for _, key := range keys {
			g := NewWithT(t)
			found, err := credentialsIn(secretWith(key, value))
			if usable && (key != "client-id" || !strings.Contains(value, ":")) {
				g.Expect(err).NotTo(HaveOccurred(), "%s = %q", key, value)
				g.Expect(found.Digest()).NotTo(BeEmpty())
				continue
			}
			var problem *rules.CredentialsError
			g.Expect(errors.As(err, &problem)).To(BeTrue(), "%s = %q: %v", key, value, err)
			g.Expect(problem.Problem).To(ContainSubstring("key " + key))
			if text := strings.TrimSpace(value); len(text) > 3 {
				g.Expect(problem.Problem).NotTo(ContainSubstring(text))
			}
		}
	}
	g := NewWithT(t)
	g.Expect(len(values)).To(BeNumerically(">=", 30))
	g.Expect(document.Section("../../docs/reliability.md", "hostile")).To(ContainSubstring("%d credential values", len(values)))
}

func TestByteOrderMarksAndWhiteSpaceAreTrimmed(t *testing.T) {
	g := NewWithT(t)
	for _, value := range []string{"\ufeffpass word", "pass word\ufeff", " \ufeff pass word\n", "\r\n\ufeff\ufeffpass word\ufeff\t"} {
		found, err := credentialsIn(secretWith("password", value))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(found.Password.Reveal()).To(Equal("pass word"), "%q", value)
	}
}

// However large Secrets are, what is kept of them is not.
func TestLittleIsKeptOfALargeSecret(t *testing.T) {
	const secrets = 300
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := heap()
	kept := make([]thingspace.Credentials, 0, secrets)
	for range secrets {
		found, err := credentialsIn(secretWith("password", strings.Repeat(" ", 1<<20)+"password"))
		NewWithT(t).Expect(err).NotTo(HaveOccurred())
		kept = append(kept, found)
	}
	after := heap()
	NewWithT(t).Expect(int64(after)-int64(before)).To(BeNumerically("<", 1<<20), "bytes for all of them")
	runtime.KeepAlive(kept)
}

// Whatever a Secret holds, what is taken from it can be sent as it is, and what is refused is not repeated.
func FuzzCredentials(f *testing.F) {
	for _, value := range []string{"password", "", "a\nb", "\xff", "id:with", " a "} {
		f.Add("password", value)
		f.Add("client-id", value)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		found, err := credentialsIn(secretWith(key, value))
		if err != nil {
			if len(value) > 12 && strings.Contains(err.Error(), value) {
				t.Fatalf("%q is repeated", value)
			}
			return
		}
		for _, text := range []string{found.ClientID.Reveal(), found.ClientSecret.Reveal(), found.Username.Reveal(), found.Password.Reveal()} {
			if text == "" || len(text) > credentialMaxBytes || strings.IndexFunc(text, unicode.IsControl) >= 0 {
				t.Fatalf("%q is used", text)
			}
		}
	})
}
