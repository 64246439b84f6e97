//go:build e2e

package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fota-callback-operator/fota-callback-operator/api/v1alpha1"
)

const (
	chart   = "../../charts/fota-callback-operator"
	release = "fota-callback-operator"
)

func helm(args ...string) string {
	GinkgoHelper()
	return run(Default, "", setting("HELM", "helm"), args...)
}

// upgrade installs or upgrades the release, and waits for it.
func upgrade(chart, image string) {
	GinkgoHelper()
	repository, tag := nameAndTag(image)
	helm("upgrade", "--install", release, chart, "--namespace", system, "--wait", "--timeout", "4m",
		"--set", "manager.image.repository="+repository, "--set", "manager.image.tag="+tag, "--set", "manager.replicas=2",
		"--set", "thingspace.url="+thingspaceURL, "--set", "thingspace.allowHTTP=true")
}

// One story, in which each part goes on from the one before.
var _ = Describe("installed with Helm", Ordered, func() {
	const namespace = "e2e-helm"
	east := fleet{namespace, "east", "0000100000-00001"}

	BeforeAll(func() {
		kubectl("create", "namespace", system)
		kubectl("label", "namespace", system, "pod-security.kubernetes.io/enforce=restricted")
		kubectl("create", "namespace", namespace)
		upgrade(chart, image)
	})
	AfterAll(func() {
		kubectl("delete", "fotacallbacks", "--all", "-n", namespace, "--timeout=2m")
		helm("uninstall", release, "--namespace", system, "--wait")
		kubectl("delete", "crd", crdName, "--timeout=1m")
		kubectl("delete", "namespace", namespace, system, "--timeout=2m")
	})

	It("runs two replicas where Pod Security is restricted, and none is restarted", func(ctx SpecContext) {
		runs(ctx, image, 2)
		for _, pod := range operators(ctx, Default, image) {
			Expect(pod.Status.ContainerStatuses[0].RestartCount).To(BeZero())
		}
	})

	It("says which Secret is missing, and registers when it is there", func(ctx SpecContext) {
		east.create(ctx, callbackURL("east", 1))
		Eventually(func(g Gomega) {
			ready := meta.FindStatusCondition(east.get(ctx, g).Status.Conditions, v1alpha1.ConditionReady)
			g.Expect(ready).NotTo(BeNil())
			g.Expect(ready.Reason).To(Equal(v1alpha1.ReasonCredentialsNotFound))
			g.Expect(ready.Message).To(ContainSubstring(v1alpha1.DefaultSecretName))
		}).Should(Succeed())
		credentials(ctx, namespace)
		east.holds(ctx, callbackURL("east", 1))
	})

	It("puts drift right", func(ctx SpecContext) {
		somebodyElse(east.account, "https://elsewhere.example.net/hook")
		east.checkNow()
		east.holds(ctx, callbackURL("east", 1))
	})

	It("fails over to the other replica while an object is edited", func(ctx SpecContext) {
		leader := leading(ctx, Default)
		kubectl("delete", "pod", "-n", system, leader, "--grace-period=0", "--force", "--wait=false")
		east.edit(ctx, callbackURL("east", 2))
		// A leader lives on until the kubelet hears of it, and may do this work yet. What comes after is its successor's.
		Eventually(func(g Gomega) string { return leading(ctx, g) }).ShouldNot(Equal(leader))
		east.holds(ctx, callbackURL("east", 2))
		somebodyElse(east.account, "https://elsewhere.example.net/hook")
		east.checkNow()
		east.holds(ctx, callbackURL("east", 2))
		Expect(calls(Default, east.account)).NotTo(HaveKey("deregister"), "there must be no gap")
	})

	It("is upgraded with objects in flight", func(ctx SpecContext) {
		const others = "0000200000-"
		fleets := numbered(namespace, "flight-", others, 30)
		for _, f := range fleets {
			f.create(ctx, callbackURL(f.name, 1))
		}
		// They are edited again and again, so that some are being worked on whenever an old leader goes.
		upgraded, version := make(chan struct{}), 1
		go func() {
			defer GinkgoRecover()
			defer close(upgraded)
			upgrade(chart, nextImage)
		}()
		Eventually(func() chan struct{} {
			version++
			for _, f := range fleets {
				f.edit(ctx, callbackURL(f.name, version))
			}
			return upgraded
		}).WithTimeout(2 * soon).WithPolling(2 * second).Should(BeClosed())
		for _, f := range fleets {
			f.holds(ctx, callbackURL(f.name, version))
		}
		runs(ctx, nextImage, 2)
		counted := calls(Default, others)
		Expect(counted).NotTo(HaveKey("deregister"), "there must be no gap")
		Expect(counted["register"]+counted["update"]).To(BeNumerically("<=", version*len(fleets)), "none needs more than each of its URLs")
	})

	It("has its CRD upgraded, with every object kept", func(ctx SpecContext) {
		newer := GinkgoT().TempDir()
		Expect(os.CopyFS(newer, os.DirFS(chart))).To(Succeed())
		file := filepath.Join(newer, "files", "crd.yaml")
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		changed := strings.Replace(string(text), "    shortNames:\n", "    shortNames:\n    - fotas\n", 1)
		Expect(changed).NotTo(Equal(string(text)))
		Expect(os.WriteFile(file, []byte(changed), 0o600)).To(Succeed())

		upgrade(newer, nextImage)
		Eventually(func(g Gomega) {
			var crd apiextensionsv1.CustomResourceDefinition
			g.Expect(cluster.Get(ctx, client.ObjectKey{Name: crdName}, &crd)).To(Succeed())
			g.Expect(crd.Status.AcceptedNames.ShortNames).To(ContainElement("fotas"))
		}).Should(Succeed())
		east.holds(ctx, callbackURL("east", 2))
	})

	It("deregisters what is deleted", func() {
		gone := fleet{namespace, "flight-1", "0000200000-00001"}
		kubectl("delete", "fotacallback", "-n", namespace, gone.name, "--timeout=2m")
		Expect(registrations(Default)).NotTo(HaveKey(gone.account))
	})

	It("leaves objects and registrations alone when it is uninstalled, and goes on with them when it is back", func(ctx SpecContext) {
		before, changed := registrations(Default), changes("")
		helm("uninstall", release, "--namespace", system, "--wait")
		runs(ctx, nextImage, 0)
		Expect(registrations(Default)).To(Equal(before))
		var objects v1alpha1.FotaCallbackList
		Expect(cluster.List(ctx, &objects, client.InNamespace(namespace))).To(Succeed())
		Expect(objects.Items).To(HaveLen(30))
		for _, o := range objects.Items {
			Expect(o.DeletionTimestamp).To(BeNil())
		}

		upgrade(chart, nextImage)
		lists := calls(Default, east.account)["list"]
		east.checkNow()
		Eventually(func(g Gomega) int { return calls(g, east.account)["list"] }).Should(BeNumerically(">", lists), "the operator is at work")
		east.holds(ctx, callbackURL("east", 2))
		Expect(changes("")).To(Equal(changed))
	})

	It("lets a namespace go, and deregisters what was in it", func(ctx SpecContext) {
		signIn(ctx, "e2e-passing")
		passing := fleet{"e2e-passing", "passing", "0000300000-00001"}
		passing.create(ctx, callbackURL("passing", 1))
		passing.holds(ctx, callbackURL("passing", 1))
		kubectl("delete", "namespace", "e2e-passing", "--timeout=2m")
		Expect(registrations(Default)).NotTo(HaveKey(passing.account))
	})
})

// leading is the pod that holds the Lease.
func leading(ctx context.Context, g Gomega) string {
	GinkgoHelper()
	holder := strings.TrimSpace(run(g, "", "kubectl", "get", "lease", "-n", system, "fota-callback-operator", "-o", "jsonpath={.spec.holderIdentity}"))
	pod, _, _ := strings.Cut(holder, "_")
	g.Expect(cluster.Get(ctx, client.ObjectKey{Namespace: system, Name: pod}, &corev1.Pod{})).To(Succeed())
	return pod
}
