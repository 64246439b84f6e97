package chart_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
	"github.com/fota-callback-operator/fota-callback-operator/internal/simulator"
	"github.com/fota-callback-operator/fota-callback-operator/test/document"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// command is what NOTES.txt has for the shell, between what it has for people. It stands at the beginning of a line, so that it can be pasted as it is.
var command = regexp.MustCompile(`^(kubectl|\(umask|rm) `)

// Who follows what the chart prints, command by command and with nothing but it, has a Ready FotaCallback, and no file with a password left.
func TestNotesCommands(t *testing.T) {
	g := NewWithT(t)
	withoutCRD(t)
	g.Expect(install(t, name, system, "", plain)).To(Succeed())
	served(t)
	stop := run(t, system, name+"-controller-manager", args(t, "deregistrationGrace: 0s"))
	made, err := try(t, name, system, nil)
	g.Expect(err).NotTo(HaveOccurred())
	commands := slices.DeleteFunc(document.Commands(made.Info.Notes), func(line string) bool { return !command.MatchString(line) })
	g.Expect(commands).To(HaveLen(6))
	follow(t, commands)
	o := &v1alpha1.FotaCallback{}
	g.Expect(set.Client.Get(t.Context(), types.NamespacedName{Namespace: "iot", Name: "fleet-east"}, o)).To(Succeed())
	ready(t, o)
	g.Expect(set.Client.Delete(t.Context(), o)).To(Succeed())
	g.Eventually(func() bool {
		return apierrors.IsNotFound(set.Client.Get(t.Context(), client.ObjectKeyFromObject(o), o))
	}).WithTimeout(limit).Should(BeTrue())
	stop()
	g.Expect(uninstall(t, name, system)).To(Succeed())
}

// The README's commands for the Secret do it too.
func TestReadmeSecret(t *testing.T) {
	g := NewWithT(t)
	blocks, err := document.Shell(root+"README.md", "A first FotaCallback against real ThingSpace")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(blocks).To(HaveLen(2), "the installation, and the Secret")
	var commands []string
	for _, command := range document.Commands(blocks[1]) {
		commands = append(commands, strings.NewReplacer("namespace iot", "namespace readme").Replace(command))
	}
	follow(t, commands)
	secret := &corev1.Secret{}
	g.Expect(cluster(t).Get(t.Context(), types.NamespacedName{Namespace: "readme", Name: v1alpha1.DefaultSecretName}, secret)).To(Succeed())
	g.Expect(strings.TrimSpace(string(secret.Data["password"]))).To(Equal(simulator.DefaultPassword))
	g.Expect(secret.Data).To(HaveLen(4))
}

// follow runs commands in their order, in an empty folder. The simulator's credentials are typed.
func follow(t *testing.T, commands []string) {
	t.Helper()
	g := NewWithT(t)
	script := exec.CommandContext(t.Context(), "bash", "-ec", strings.Join(commands, "\n"))
	script.Dir, script.Stdin = t.TempDir(), strings.NewReader("client-id="+simulator.DefaultClientID+"\nclient-secret="+simulator.DefaultClientSecret+
		"\nusername="+simulator.DefaultUsername+"\npassword="+simulator.DefaultPassword+"\n")
	path := os.Getenv("KUBEBUILDER_ASSETS") + string(os.PathListSeparator) + os.Getenv("PATH")
	script.Env = append(os.Environ(), "KUBECONFIG="+set.Kubeconfig, "PATH="+path)
	out, err := script.CombinedOutput()
	g.Expect(err).NotTo(HaveOccurred(), "%s", out)
	left, err := os.ReadDir(script.Dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(left).To(BeEmpty())
}
