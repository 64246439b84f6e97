# Everything that a developer runs. `make help` lists it.
SHELL := /usr/bin/env bash -o pipefail
.SHELLFLAGS := -ec
IMG ?= ghcr.io/fota-callback-operator/fota-callback-operator:latest
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
TOOL := go tool -modfile=$(CURDIR)/hack/tools/go.mod
# The race detector needs a C compiler; without one the tests run all the same.
RACE := $(shell if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v "$$(go env CC)" >/dev/null 2>&1; then echo -race; fi)
FUZZTIME ?= 3s

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*##"; printf "Usage: make \033[36m<target>\033[0m\n"} /^[a-zA-Z0-9_-]+:.*?##/ {printf "  \033[36m%-18s\033[0m %s\n", $$1, $$2} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)}' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: ## A real API server, a simulated ThingSpace and the operator, to play with. ONCE=1 checks what it shows and exits.
	@assets=$$(hack/control-plane/ensure); KUBEBUILDER_ASSETS=$$assets ONCE=$(ONCE) go run ./hack/demo

.PHONY: run
run: ## Run the operator against the current kubeconfig.
	go run ./cmd/manager --leader-elect=false --metrics-secure=false --metrics-bind-address=127.0.0.1:8080 --zap-encoder=console $(ARGS)

.PHONY: simulator
simulator: ## Serve a simulated ThingSpace on 127.0.0.1:8480.
	go run ./cmd/thingspace-simulator $(ARGS)

##@ Develop

.PHONY: generate
generate: ## Regenerate deepcopy code, CRD and RBAC.
	$(TOOL) controller-gen object paths=./api/...
	$(TOOL) controller-gen crd paths=./api/... output:crd:dir=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=manager-role paths=./internal/controller/... output:rbac:dir=config/rbac

.PHONY: fmt
fmt: ## Format the code.
	gofmt -w api cmd hack internal test

.PHONY: lint
lint: bin/golangci-lint ## Run golangci-lint, with kube-api-linter on api/.
	bin/golangci-lint run ./...

bin/golangci-lint: hack/tools/golangci-lint/go.mod hack/tools/golangci-lint/main.go
	@echo "building golangci-lint with kube-api-linter, once (some minutes)"
	cd hack/tools/golangci-lint && go build -o ../../../$@ .

.PHONY: verify
verify: generate ## Fail where generated files, formatting or modules are not current.
	@test -z "$$(gofmt -l api cmd hack internal test)" || { echo "not formatted:"; gofmt -l api cmd hack internal test; exit 1; }
	go mod tidy -diff
	go vet ./...
	@git diff --exit-code -- api config go.mod go.sum || { echo "generated files are not current: run 'make generate' and commit"; exit 1; }

##@ Test

.PHONY: test
test: ## Every test that needs no kubelet.
	@[ -n "$(RACE)" ] || echo "no C compiler: testing without the race detector"
	@assets=$$(hack/control-plane/ensure); export KUBEBUILDER_ASSETS=$$assets; go test $(RACE) -timeout 30m ./...
	@$(MAKE) --no-print-directory fuzz

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (3s).
	@for target in $$(grep -rhoE '^func (Fuzz[A-Za-z]+)' internal/thingspace/*_test.go | awk '{print $$2}'); do \
	  go test ./internal/thingspace -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) || exit 1; done

##@ Build

.PHONY: build
build: ## Build the manager and the simulator into bin/.
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/ ./cmd/...

.PHONY: docker-build
docker-build: ## Build the operator's image (IMG).
	docker build --build-arg VERSION=$(VERSION) -t $(IMG) .

.PHONY: docker-buildx
docker-buildx: ## Build and push the image for amd64 and arm64.
	docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=$(VERSION) -t $(IMG) --push .

.PHONY: build-installer
build-installer: ## Write everything that an installation needs into dist/install.yaml.
	mkdir -p dist
	$(TOOL) kustomize build config/default > dist/install.yaml

##@ Deploy

.PHONY: install
install: ## Install the CRD into the current cluster.
	kubectl apply -k config/crd

.PHONY: uninstall
uninstall: ## Remove the CRD. Delete the FotaCallbacks first, while the operator still runs.
	kubectl delete --ignore-not-found -k config/crd

.PHONY: deploy
deploy: ## Install CRD, permissions and operator into the current cluster.
	kubectl apply -k config/default

.PHONY: undeploy
undeploy: ## Remove all of that. Delete the FotaCallbacks first, while the operator still runs.
	kubectl delete --ignore-not-found -k config/default
