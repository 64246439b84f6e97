//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// overlay is config/default with what differs here, in a folder that is written for it: kustomize reads nothing from a variable.
const overlay = "../../bin/e2e"

func writeOverlay() {
	GinkgoHelper()
	name, tag := nameAndTag(image)
	text := `resources: [../../config/default]
images:
  - {name: ghcr.io/fota-callback-operator/fota-callback-operator, newName: ` + name + `, newTag: ` + tag + `}
patches:
  - target: {kind: Deployment, name: ` + deployment + `}
    patch: |-
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --thingspace-url=` + thingspaceURL + `}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --thingspace-allow-http}
`
	Expect(os.MkdirAll(overlay, 0o750)).To(Succeed())
	Expect(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(text), 0o600)).To(Succeed())
}

var _ = Describe("installed with kustomize", Ordered, func() {
	const namespace = "e2e-kustomize"
	// The samples, as they are.
	east := fleet{namespace, "fleet-east", "0000123456-00001"}
	west := fleet{namespace, "fleet-west", "0000123456-00002"}
	const eastURL, westURL = "https://fota.example.com/callbacks/east", "https://fota.example.com/callbacks/west"

	BeforeAll(func() {
		writeOverlay()
		kubectl("apply", "--server-side", "-k", overlay)
		kubectl("rollout", "status", "-n", system, "deployment/"+deployment, "--timeout=3m")
		kubectl("create", "namespace", namespace)
	})
	AfterAll(func() {
		kubectl("delete", "fotacallbacks", "--all", "-n", namespace, "--timeout=2m")
		kubectl("delete", "-k", overlay, "--timeout=3m")
		kubectl("delete", "namespace", namespace, "--timeout=2m")
	})

	It("registers the samples", func(ctx SpecContext) {
		kubectl("apply", "-n", namespace, "-k", "../../config/samples")
		kubectl("wait", "-n", namespace, "fotacallback", "--all", "--for=condition=Ready", "--timeout=2m")
		east.holds(ctx, eastURL)
		west.holds(ctx, westURL)
	})

	It("puts drift right, and only reports it where the object says so", func(ctx SpecContext) {
		const elsewhere = "https://elsewhere.example.net/hook"
		somebodyElse(east.account, elsewhere)
		somebodyElse(west.account, elsewhere)
		east.checkNow()
		west.checkNow()
		east.holds(ctx, eastURL)
		kubectl("wait", "-n", namespace, "fotacallback/fleet-west", "--for=jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}=Drifted", "--timeout=2m")
		Expect(registrations(Default)).To(HaveKeyWithValue(west.account, elsewhere))
		somebodyElse(west.account, westURL)
		west.checkNow()
		west.holds(ctx, westURL)
	})

	It("goes on after a restart, with nothing sent again", func(ctx SpecContext) {
		changed, leader := changes("0000123456-"), leading(ctx, Default)
		kubectl("rollout", "restart", "-n", system, "deployment/"+deployment)
		kubectl("rollout", "status", "-n", system, "deployment/"+deployment, "--timeout=3m")
		Eventually(func(g Gomega) string { return leading(ctx, g) }).ShouldNot(Equal(leader), "an old process works until it hears that it is to end")
		lists := calls(Default, east.account)["list"]
		east.checkNow()
		Eventually(func(g Gomega) int { return calls(g, east.account)["list"] }).Should(BeNumerically(">", lists))
		east.holds(ctx, eastURL)
		Expect(changes("0000123456-")).To(Equal(changed))
	})

	It("deregisters what is deleted, and retains what is to be retained", func() {
		kubectl("delete", "fotacallback", "-n", namespace, "--all", "--timeout=2m")
		Expect(registrations(Default)).NotTo(HaveKey(east.account))
		Expect(registrations(Default)).To(HaveKeyWithValue(west.account, westURL))
	})
})
