# One way to do each job; CI calls the same. `make test` needs Go, and installs what else is missing.
COMMIT := $(shell git rev-parse HEAD 2>/dev/null)

.PHONY: build test race fuzz bench bench-web lint web npm examples docker soak

build: # bin/presence-gateway: static, stripped
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.commit=$(COMMIT)" -o bin/presence-gateway ./cmd/presence-gateway

test: # everything that must be green before a change lands
	scripts/test.sh

race:
	go test -race ./...

fuzz: # FUZZTIME for each target, 30s if not set
	scripts/fuzz.sh $(or $(FUZZTIME),30s)

bench: # figures, printed; nothing fails by being slow
	scripts/bench.sh
	scripts/web.sh bench

bench-web: # the browser's figures alone; WEB_BENCH chooses some by name
	scripts/web.sh bench

lint:
	scripts/lint.sh

web: # the browser's side: install, check, test, build web/dist
	scripts/web.sh build

npm: # the npm package: bin/presence-gateway-client-VERSION.tgz, which npm installs
	scripts/npm.sh build

examples: # the browser's examples: types, and SharePoint's own build, in a browser; make test runs the others
	scripts/examples.sh check
	scripts/examples.sh sharepoint

docker:
	scripts/docker.sh

soak: # long runs: fuzzing for minutes, tests with faults again and again
	scripts/soak.sh
