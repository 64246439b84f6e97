// Package e2e runs the operator as its users do: as pods of a real cluster, installed with Helm and with kustomize. What is under the e2e build tag
// expects KUBECONFIG to be an administrator's, and in the cluster the images that `make test-e2e` names.
package e2e
