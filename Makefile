# ChatConnect. `make` or `make help` lists what there is.
#
# Two modules: the product here, and dev/ with the embedded stack (a Temporal
# server, so its first build takes minutes). Only Go is needed; Node only to
# change the user interfaces (make ui).

SHELL := /bin/bash
.DEFAULT_GOAL := help
GO ?= go
MODULES := . dev

# -race needs cgo, and cgo a C compiler; without one the tests run unraced.
# argon2 is built without the detector, which would watch each access to its
# megabytes: two thirds of the time of the API's tests.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race -gcflags=golang.org/x/crypto/argon2=-race=false)

# Tools, pinned, built from source into bin/tools under a name with their
# version. They never touch go.mod.
TOOLS := $(CURDIR)/bin/tools
GOLANGCI_LINT_VERSION := v2.15.0
SQLC_VERSION := v1.31.1
WORKFLOWCHECK_VERSION := v0.6.0
GOVULNCHECK_VERSION := v1.9.0
GO_LICENSES_VERSION := v1.6.0
GITLEAKS_VERSION := v8.30.1
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
SQLC := $(TOOLS)/sqlc-$(SQLC_VERSION)
WORKFLOWCHECK := $(TOOLS)/workflowcheck-$(WORKFLOWCHECK_VERSION)
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)
GO_LICENSES := $(TOOLS)/go-licenses-$(GO_LICENSES_VERSION)
GITLEAKS := $(TOOLS)/gitleaks-$(GITLEAKS_VERSION)

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  make dev honours PORT, CHATCONNECT_HOME, OPENAI_API_KEY, ANTHROPIC_API_KEY and every other setting'
	@echo '  of the environment; DATABASE_URL, REDIS_URL, QDRANT_URL and TEMPORAL_ADDRESS each replace an embedded'
	@echo '  part. make dev ARGS=--reset starts from nothing; ARGS=--help lists the rest.'

# The last command replaces the shell, so that Ctrl-C and kill reach it; with
# --die-with-parent it also dies when make itself is killed.
.PHONY: dev
dev: bin/chatconnect-dev ## build and run everything: http://localhost:5000
	@exec bin/chatconnect-dev --die-with-parent $(ARGS)

.PHONY: build
build: bin/chatconnect bin/chatconnect-dev ## build bin/chatconnect (production) and bin/chatconnect-dev

# Go knows better than make what has changed; an up-to-date binary costs a second.
.PHONY: bin/chatconnect bin/chatconnect-dev bin/fakemodel
bin/chatconnect:
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o $@ ./cmd/chatconnect
bin/chatconnect-dev:
	@test -x $@ || echo 'Building chatconnect-dev; the first time this takes some minutes (it contains a Temporal server)...'
	@$(GO) -C dev build -ldflags='-s -w' -o ../$@ ./cmd/chatconnect-dev
bin/fakemodel:
	@CGO_ENABLED=0 $(GO) build -o $@ ./bench/fakemodel/cmd/fakemodel

.PHONY: test
test: test-product test-dev ## vet and test both modules, with the race detector

.PHONY: test-product
test-product: ## vet and test the product
	@$(if $(RACE),,echo 'no C compiler: testing without the race detector')
	$(GO) vet $(RACE) ./...
	$(GO) test $(RACE) -timeout 10m ./...
	@echo 'what the detector leaves no room for: documents under a real memory limit'
	$(GO) test -timeout 10m ./internal/document
	@echo 'the other DOCX engine, with its known losses (docs/adr/0010-docx-engines.md)'
	$(GO) test -tags unioffice -timeout 10m ./internal/document ./internal/document/docx

# The tests that kill processes and take dependencies away start dozens of
# processes and mean seconds when they say so. The detector's weight would only
# make two cores late; they run without it, one after the other.
DEATHS := TestKillMatrix TestChatKill TestDependencyAwayWhileIngesting TestProviderOutage
empty :=
space := $(empty) $(empty)

# vet takes -race too, so that both use one build of the Temporal server.
.PHONY: test-dev
test-dev: bin/test ## vet and test the embedded stack, end to end
	$(GO) -C dev vet $(RACE) ./...
	$(GO) -C dev test $(RACE) -timeout 15m $$($(GO) -C dev list ./... | grep -v '/e2e$$')
	@echo 'the product from end to end, with nothing else running'
	$(GO) -C dev test $(RACE) -timeout 25m -parallel 4 -skip '^($(subst $(space),|,$(DEATHS)))' ./e2e
	$(GO) -C dev test -c -o ../bin/e2e.test ./e2e
	@cd dev/e2e && for test in $(DEATHS); do \
	  echo "$$test"; ../../bin/e2e.test -test.timeout 10m -test.run "^$$test" || exit 1; \
	done

# The programs that tests start (dev/stack/stacktest/build.go), so that none of
# them waits for a build.
.PHONY: bin/test
bin/test:
	$(GO) -C dev build -o ../bin/test/ ./stack/stacktest/stackserver ./cmd/chatconnect-dev

# RUNS, FROM, PARTS, BESIDE, ONLY, TESTS, SEED, JOBS and OUT are the script's: see its head.
.PHONY: stress
stress: bin/test ## run both modules' tests RUNS=20 times, shuffled, on a machine made slow (FROM=8 PARTS="product dev e2e deaths")
	@GO='$(GO)' RACE='$(RACE)' DEATHS='$(DEATHS)' dev/stress.sh

.PHONY: test-ui
test-ui: bin/chatconnect-dev bin/fakemodel ## test dashboard and widget in Chromium (needs Node and chromium)
	@dashboard/tests/run.sh
	@widget/tests/run.sh

.PHONY: lint
lint: $(GOLANGCI_LINT) $(SQLC) $(WORKFLOWCHECK) ## golangci-lint, workflow determinism, generated code up to date
	$(GOLANGCI_LINT) run ./...
	cd dev && $(GOLANGCI_LINT) run ./...
	$(WORKFLOWCHECK) -show-pos ./workflows/...
	$(SQLC) diff

.PHONY: audit
audit: $(GOLANGCI_LINT) $(GOVULNCHECK) $(GO_LICENSES) $(GITLEAKS) ## known vulnerabilities, insecure code, licences, secrets; says what it had to skip
	@GOLANGCI_LINT=$(GOLANGCI_LINT) GOVULNCHECK=$(GOVULNCHECK) GO_LICENSES=$(GO_LICENSES) GITLEAKS=$(GITLEAKS) .ci/audit

.PHONY: pin-images
pin-images: ## write the digests of all container images into docker-compose.yml and the Dockerfile (needs docker and the registries)
	@deploy/pin-images.sh

.PHONY: generate
generate: $(SQLC) ## regenerate internal/postgres/sqlcgen from schema/
	$(SQLC) generate

.PHONY: bench
bench: ## measure on this machine: POST to model request, chats a second, lag of the relay, memory of idle streams
	@$(GO) -C dev build -ldflags='-s -w' -o ../bin/chatconnect-bench ./cmd/chatconnect-bench
	@bin/chatconnect-bench

.PHONY: bench-ingest
bench-ingest: ## measure on this machine: a large document, fairness between tenants, documents a second, memory
	@$(GO) -C dev build -ldflags='-s -w' -o ../bin/chatconnect-bench ./cmd/chatconnect-bench
	@bin/chatconnect-bench ingest

.PHONY: bench-widget
bench-widget: ## measure the widget: bytes, requests, layout shift, blocking time (needs Node and chromium)
	@widget/tests/run.sh bench

.PHONY: ui
ui: ## rebuild the committed user interfaces (needs Node)
	@for dir in dashboard widget; do \
	  if [ -f $$dir/package.json ]; then (cd $$dir && npm ci && npm run build) || exit 1; \
	  else echo "$$dir/ has no build yet"; fi; \
	done

.PHONY: clean
clean: ## remove bin/; the state of make dev stays (make dev ARGS=--reset)
	rm -rf bin

# install PACKAGE VERSION FILE: cgo off, so that sqlc takes its pure-Go parser
# instead of compiling PostgreSQL's for minutes.
define install
	@mkdir -p $(TOOLS)
	CGO_ENABLED=0 GOBIN=$(TOOLS) GOFLAGS= $(GO) install $(1)@$(2)
	@mv $(TOOLS)/$(notdir $(patsubst %/v8,%,$(1))) $@
endef

$(GOLANGCI_LINT):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))
$(SQLC):
	$(call install,github.com/sqlc-dev/sqlc/cmd/sqlc,$(SQLC_VERSION))
$(WORKFLOWCHECK):
	$(call install,go.temporal.io/sdk/contrib/tools/workflowcheck,$(WORKFLOWCHECK_VERSION))
$(GOVULNCHECK):
	$(call install,golang.org/x/vuln/cmd/govulncheck,$(GOVULNCHECK_VERSION))
$(GO_LICENSES):
	$(call install,github.com/google/go-licenses,$(GO_LICENSES_VERSION))
$(GITLEAKS):
	$(call install,github.com/zricethezav/gitleaks/v8,$(GITLEAKS_VERSION))
