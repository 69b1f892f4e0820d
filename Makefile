.PHONY: run image test check bench order fuzz clean
run: ; @.ci/setup run && examples/hello/run
image: ; @mkdir -p build && go run . build -o build/initramfs.cpio
test: ; @.ci/setup test && .ci/test
check: ; @.ci/check
bench: ; @.ci/setup test && mkdir -p build && kernel=$$(.ci/kernel) && builtin=$$(.ci/kernel built-in) && go run ./bench -growth -kernel "$$kernel" -built-in "$$builtin" -compression gzip -write docs/performance.md -json build/performance.json && go test -run "^$$" -bench Processes ./pkg/metrics && go test -run "^$$" -bench Builders -benchtime 5x -timeout 30m ./pkg/hostcmd/build && go test -run "^$$" -bench List -benchtime 5x -timeout 30m ./pkg/hostcmd/inspect
order: ; @.ci/setup test && kernel=$$(.ci/kernel) && builtin=$$(.ci/kernel built-in) && go run ./bench -kernel "$$kernel" -built-in "$$builtin" -compression gzip -order initramfs/linker/order.txt
fuzz: ; @.ci/fuzz
clean: ; rm -rf build
