# Everything that a developer runs; `make help` lists it. Go and make are all that has to be there: tools come from Go modules.
SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
IMG ?= ghcr.io/fota-callback-operator/fota-callback-operator:latest
SIMULATOR_IMG ?= ghcr.io/fota-callback-operator/thingspace-simulator:latest
CONTAINER_TOOL ?= docker
KUBECTL ?= kubectl
# For each fuzz target: a time, or so many inputs (100000x).
FUZZTIME ?= 3s

CONTROLLER_GEN = go tool -modfile=$(CURDIR)/hack/tools/go.mod controller-gen
KUSTOMIZE = go tool -modfile=$(CURDIR)/hack/tools/go.mod kustomize
BENCHSTAT = go tool -modfile=$(CURDIR)/hack/tools/go.mod benchstat
HELM_DOCS = go tool -modfile=$(CURDIR)/hack/tools/chart/go.mod helm-docs
GOLANGCI_LINT = bin/golangci-lint
HELM = bin/helm
# Tests that need other people's tools are modules of their own, so that the operator depends on none of them. What they read lies outside of them,
# where go does not look for changes: -count=1 keeps it from taking results from its cache.
TEST_MODULES = $(patsubst %/go.mod,%,$(wildcard test/*/go.mod))
MODULES = . hack/tools hack/tools/helm hack/tools/chart hack/tools/golangci-lint hack/tools/mutation hack/control-plane/etcd hack/control-plane/kubernetes $(TEST_MODULES)
# The race detector needs a C compiler; without one the tests run all the same.
RACE := $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)
# A machine that is busy with other packages may need longer than the second for which Gomega waits by default.
export GOMEGA_DEFAULT_EVENTUALLY_TIMEOUT ?= 20s

##@ General

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"; printf "Usage: make \033[36m<target>\033[0m\n"} /^[a-zA-Z0-9_-]+:.*?##/ {printf "  \033[36m%-18s\033[0m %s\n", $$1, $$2} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)}' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: ## A real API server, a simulated ThingSpace and the operator, to play with until Ctrl-C. ONCE=1 checks what it shows and exits.
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets ONCE=$(ONCE) go run ./hack/demo

.PHONY: simulator
simulator: ## Serve a simulated ThingSpace on 127.0.0.1:8480. ARGS are its flags.
	go run ./cmd/thingspace-simulator $(ARGS)

.PHONY: run
run: ## Run the operator against the current kubeconfig (make install first). ARGS are more of its flags.
	go run -ldflags "-X main.version=$(VERSION)" ./cmd/manager --leader-elect=false --health-probe-bind-address=127.0.0.1:8081 \
	  --metrics-secure=false --metrics-bind-address=127.0.0.1:8080 --zap-encoder=console $(ARGS)

##@ Develop

# Where generated files go; verify puts them elsewhere.
OUT ?= .
CHART = charts/fota-callback-operator

.PHONY: manifests
manifests: ## Generate the CRD, the operator's role, the patch of argocd-cm, and the chart's copies.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=$(OUT)/config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=manager-role paths=./internal/controller/... output:rbac:dir=$(OUT)/config/rbac
	@mkdir -p $(OUT)/config/argocd
	go run ./hack/argocd > $(OUT)/config/argocd/argocd-cm.yaml
	@mkdir -p $(OUT)/$(CHART)/files
	cp $(OUT)/config/crd/bases/fotacallback.dev_fotacallbacks.yaml $(OUT)/$(CHART)/files/crd.yaml
	cp $(OUT)/config/rbac/role.yaml $(OUT)/$(CHART)/files/role.yaml
	cp config/prometheus/rules.yaml config/prometheus/dashboard.json $(OUT)/$(CHART)/files/

.PHONY: chart-docs
chart-docs: ## Write the chart's README.md from the comments of its values.yaml.
	@mkdir -p $(OUT)/$(CHART)
	$(HELM_DOCS) --dry-run --log-level=warning --sort-values-order=file --chart-search-root=$(CHART) > $(OUT)/$(CHART)/README.md

.PHONY: generate
generate: manifests chart-docs ## Generate all that is generated: the manifests, the chart's README, and the API types' copying code.
	$(CONTROLLER_GEN) object paths=./api/v1alpha1 output:object:dir=$(OUT)/api/v1alpha1

.PHONY: fmt
fmt: ## Format the code.
	gofmt -w $(GO_DIRS)

.PHONY: vet
vet: ## Run go vet.
	go vet ./...
	go vet -tags profile ./cmd/manager # what make bench PROFILES=folder measures

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run golangci-lint, with kube-api-linter on api/.
	$(GOLANGCI_LINT) run
	@for module in $(TEST_MODULES); do echo "golangci-lint run in $$module"; (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run); done

.PHONY: lint-fix
lint-fix: $(GOLANGCI_LINT) ## Run golangci-lint and let it mend what it can.
	$(GOLANGCI_LINT) run --fix

$(GOLANGCI_LINT): hack/tools/golangci-lint/go.mod hack/tools/golangci-lint/main.go
	@echo "building golangci-lint from its Go module, once: about 2 minutes on two cores"
	@cd hack/tools/golangci-lint && go build -ldflags "-s -w" -o $(CURDIR)/$@ .

GO_DIRS = api cmd hack internal test

.PHONY: verify
verify: vet ## Fail where generated files, formatting or modules are not current. Changes nothing.
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; \
	$(MAKE) --no-print-directory generate OUT="$$out"; \
	(cd "$$out" && find . -type f) | while read -r file; do \
	  diff -u "$$file" "$$out/$$file" || { echo "$$file is not current: run 'make generate'"; exit 1; }; done
	@unformatted=$$(gofmt -l $(GO_DIRS)); [ -z "$$unformatted" ] || { echo "run 'make fmt':"; echo "$$unformatted"; exit 1; }
	@for module in $(MODULES); do echo "go mod tidy -diff in $$module"; (cd $$module && go mod tidy -diff); done

##@ Test

.PHONY: test
test: ## Every test that needs no kubelet, with the race detector where there is a C compiler; then the fuzz targets.
	@[ -n "$(RACE)" ] || echo "no C compiler here: testing without the race detector"
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets go test $(RACE) -count=1 -timeout 30m $$(go list ./... | grep -v /test/perturbation); \
	for module in $(TEST_MODULES); do KUBEBUILDER_ASSETS=$$assets go test -C $$module -count=1 -timeout 30m ./...; done
	@$(MAKE) --no-print-directory perturb fuzz

.PHONY: test-unit
test-unit: ## The tests that need no API server: seconds.
	go test $(RACE) ./api/... ./cmd/... ./internal/rules/... ./internal/simulator/... ./internal/thingspace/...

.PHONY: perturb
perturb: ## Faults at every effect, against the real controller on a virtual clock; ALL=1 plays every plan, four times as long; UPDATE=1 writes how many into docs/reliability.md.
	@mkdir -p bin; go test -c -o bin/perturbation.test ./test/perturbation # no race detector: one thread would take ten times as long
	@cd test/perturbation && $(CURDIR)/bin/perturbation.test -test.timeout 2h $(if $(ALL),,-hurry) $(if $(UPDATE),-update)

# How long things fail in a soak. The operators' whole log goes to bin/soak.log.
FOR ?= 2m
.PHONY: soak
soak: export KUBEBUILDER_CONTROLPLANE_START_TIMEOUT ?= 2m
soak: ## Two replicas, a real API server and the simulator; everything is killed and answers wrongly at random FOR so long, then all must be as wished.
	@mkdir -p bin
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets go test ./test/soak -v -count=1 -timeout 0 -args -for=$(FOR) -log=$(CURDIR)/bin/soak.log $(if $(SEED),-seed=$(SEED))

# Images for test-e2e, which the cluster has or can pull.
E2E_IMG ?= fota-callback-operator:e2e
E2E_NEXT_IMG ?= fota-callback-operator:e2e-next
E2E_SIMULATOR_IMG ?= thingspace-simulator:e2e
.PHONY: test-e2e
test-e2e: $(HELM) ## Install with Helm and with kustomize in the cluster of KUBECONFIG, and see it work, fail over, be upgraded and go. See CONTRIBUTING.md.
	IMG=$(E2E_IMG) NEXT_IMG=$(E2E_NEXT_IMG) SIMULATOR_IMG=$(E2E_SIMULATOR_IMG) HELM=$(CURDIR)/$(HELM) \
	  go test -tags e2e ./test/e2e -v -count=1 -timeout 40m -ginkgo.v

$(HELM): hack/tools/helm/go.mod
	@echo "building helm from its Go module, once: about 2 minutes on two cores"
	@go build -modfile=hack/tools/helm/go.mod -ldflags "-s -w" -o $@ helm.sh/helm/v4/cmd/helm

.PHONY: mutants
mutants: ## Show that the harness bites: seed one defect after the other, and write what notices it into docs/reliability.md. Half an hour.
	@go run ./test/mutants

.PHONY: mutation
mutation: export KUBEBUILDER_CONTROLPLANE_START_TIMEOUT ?= 2m
mutation: ## Change one operator of the code at a time, and see whether a test notices; UPDATE=1 writes the figures into docs/reliability.md. ONLY is a regular expression, PACKAGES are some folders.
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets go run -C hack/tools/mutation . $(if $(ONLY),-only '$(ONLY)') $(if $(UPDATE),-write docs/reliability.md) $(PACKAGES)

# How many objects, one run for each; what it writes goes to OUT. docs/performance.md says what PARTS, INTERVAL, QPS, LATENCY, PROFILES, STRICT and UPDATE do.
SIZES ?= 100 1000 10000
.PHONY: bench
bench: OUT = bench.json
bench: export KUBEBUILDER_CONTROLPLANE_START_TIMEOUT ?= 2m
bench: ## What the operator costs with SIZES objects, beside a floor, in Markdown; in JSON into OUT. Half an hour on two cores; SIZES=300 takes 2 minutes.
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets go run ./test/bench -sizes "$(SIZES)" -out "$(OUT)" $(if $(PARTS),-parts "$(PARTS)") \
	  $(if $(INTERVAL),-interval $(INTERVAL)) $(if $(QPS),-qps $(QPS)) $(if $(LATENCY),-latency $(LATENCY)) $(if $(PROFILES),-profiles "$(PROFILES)") $(if $(STRICT),-strict) $(if $(UPDATE),-update)

.PHONY: bench-go
bench-go: OUT = bench-go.out
bench-go: ## Time and allocations of a decision, a summary, an answer, a whole pass and a scrape, ten times, into OUT; with OLD=file, compared with that. 4 minutes.
	@go test -run '^$$' -bench . -count 10 ./internal/rules ./internal/thingspace ./internal/controller > "$(OUT)" || { cat "$(OUT)"; exit 1; }
	@$(BENCHSTAT) $(if $(OLD),"$(OLD)") "$(OUT)"

# Before Go 1.27, a run whose time is over may end as if it had failed, with no more to say than that (go.dev/issue/75804).
.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME, for example 10m; in make test, some seconds.
	@mkdir -p bin; grep -rE --include='*_test.go' '^func Fuzz' . | sed -E 's|/[^/]*_test.go:func (Fuzz[A-Za-z0-9_]*).*| \1|' | while read -r package target; do \
	  go test "$$package" -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) </dev/null 2>&1 | tee bin/fuzz.log || \
	    { grep -qx '    context deadline exceeded' bin/fuzz.log && ! grep -q 'Failing input' bin/fuzz.log && echo "its time was over: nothing has failed"; } || exit 1; done

##@ Build

.PHONY: build
build: ## Build the manager and the simulator into bin/.
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/...

.PHONY: docker-build
docker-build: ## Build the operator's image (IMG) and the simulator's (SIMULATOR_IMG).
	$(CONTAINER_TOOL) build --build-arg VERSION=$(VERSION) -t $(IMG) .
	$(CONTAINER_TOOL) build --build-arg VERSION=$(VERSION) -t $(SIMULATOR_IMG) --target simulator .

.PHONY: docker-push
docker-push: ## Push both images.
	$(CONTAINER_TOOL) push $(IMG)
	$(CONTAINER_TOOL) push $(SIMULATOR_IMG)

PLATFORMS ?= linux/amd64,linux/arm64
.PHONY: docker-buildx
docker-buildx: ## Build both images for PLATFORMS, and push them.
	$(CONTAINER_TOOL) buildx build --platform $(PLATFORMS) --build-arg VERSION=$(VERSION) -t $(IMG) --push .
	$(CONTAINER_TOOL) buildx build --platform $(PLATFORMS) --build-arg VERSION=$(VERSION) -t $(SIMULATOR_IMG) --target simulator --push .

.PHONY: build-installer
build-installer: ## Write everything that an installation of IMG needs into dist/install.yaml.
	@mkdir -p dist
	@$(render) > dist/install.yaml
	@echo "wrote dist/install.yaml for $(IMG)"

# config/default with IMG in it, from an overlay of its own, so that no file under config/ changes.
render = (rm -rf bin/render && mkdir -p bin/render && cd bin/render && $(KUSTOMIZE) create --resources ../../config/default \
  && $(KUSTOMIZE) edit set image ghcr.io/fota-callback-operator/fota-callback-operator=$(IMG) && $(KUSTOMIZE) build .)

##@ Deploy

.PHONY: install
install: ## Install the CRD into the current cluster.
	@$(KUSTOMIZE) build config/crd | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: ## Remove the CRD and with it every FotaCallback. Delete those first, while the operator still runs.
	@$(KUSTOMIZE) build config/crd | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: deploy
deploy: ## Install CRD, permissions and operator (IMG) into the current cluster.
	@$(render) | $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: ## Remove all of that. Delete the FotaCallbacks first, while the operator still runs.
	@$(render) | $(KUBECTL) delete --ignore-not-found -f -
