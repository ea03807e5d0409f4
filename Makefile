# Every target runs from the root of the repository. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

GOLANGCI := v2.15.0
GOFUMPT := v0.12.0
GOTESTSUM := v1.13.0
TOOLS := $(CURDIR)/.tools

# from npm, for Linux on amd64; elsewhere name your own of the same version: make test FORGE=...
FORGE ?= $(CURDIR)/contracts/node_modules/@foundry-rs/forge-linux-amd64/bin/forge

DISPATCHER := src/ManifestDispatcher.sol:ManifestDispatcher src/DispatcherExtension.sol:DispatcherExtension \
	src/IManifestDispatcher.sol:IManifestDispatcher
MARKET := src/Token.sol:Token src/Staking.sol:Staking src/Market.sol:Market src/StakingV2.sol:StakingV2 \
	src/MarketV2.sol:MarketV2 src/MigrateToV2.sol:MigrateToV2

.PHONY: help build setup test test-go test-contracts lint fmt generate drift bench e2e tools

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/lockstep (Go alone is enough)
	go build -o bin/lockstep ./cmd/lockstep

setup: contracts/node_modules/.stamp ## Install what the tests need: npm packages

contracts/node_modules/.stamp: contracts/package.json contracts/package-lock.json
	cd contracts && npm ci --no-fund --no-audit --ignore-scripts
	touch $@

test: setup test-contracts test-go ## Run every test; installs what it needs

test-contracts: setup ## Run the forge tests, and compare the committed artifacts with a fresh build
	cd contracts && $(FORGE) test
	cd examples/market && $(FORGE) test
	$(MAKE) drift

test-go: setup tools ## Run the Go tests, with the race detector where things run side by side
	$(TOOLS)/gotestsum --format pkgname -- -timeout 20m ./...
	$(TOOLS)/gotestsum --format pkgname -- -timeout 20m -race ./internal/reconcile ./internal/txsend ./internal/app ./internal/chain ./internal/store

e2e: setup tools ## Run the end-to-end tests alone: the real binary, anvil, cast, kills
	$(TOOLS)/gotestsum --format testname -- -timeout 20m -count 1 ./e2e/...

lint: tools ## Run go vet, golangci-lint and the formatters' checks
	go vet ./...
	$(TOOLS)/golangci-lint run
	test -z "$$($(TOOLS)/gofumpt -l cmd internal contracts/*.go examples/*/*.go e2e docs)"

fmt: tools setup ## Format Go and Solidity
	$(TOOLS)/gofumpt -w cmd internal contracts/*.go examples/*/*.go e2e docs
	cd contracts && $(FORGE) fmt
	cd examples/market && $(FORGE) fmt

generate: setup ## Rebuild artifacts, bindings and the reference documents
	cd contracts && $(FORGE) build --skip test && node script/artifacts.js . $(DISPATCHER)
	cd examples/market && $(FORGE) build --skip test && node ../../contracts/script/artifacts.js . $(MARKET)
	contracts/script/bindings.sh
	go run ./docs/reference/generate

drift: setup ## Fail if artifacts, bindings or reference documents are not what they are generated from
	cd contracts && $(FORGE) build --force --skip test && node script/artifacts.js --check . $(DISPATCHER)
	cd examples/market && $(FORGE) build --force --skip test && node ../../contracts/script/artifacts.js --check . $(MARKET)
	contracts/script/bindings.sh && go run ./docs/reference/generate
	git diff --exit-code -- internal/bindings docs/reference

bench: ## Run the benchmarks; each prints a ratio against a baseline of the same run
	go test -run xxx -bench . -benchtime 10x ./internal/manifest ./internal/devnet ./internal/demo

tools: $(TOOLS)/.stamp

$(TOOLS)/.stamp: Makefile
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT)
	GOBIN=$(TOOLS) go install gotest.tools/gotestsum@$(GOTESTSUM)
	touch $@
