.PHONY: run image test check bench fuzz clean
run: ; @.ci/setup run && kernel=$$(.ci/kernel) && go run ./examples/hello -kernel "$$kernel"
image: ; @mkdir -p build && go run . build -o build/initramfs.cpio
test: ; @.ci/setup test && .ci/test
check: ; @.ci/check
bench: ; @.ci/setup run && kernel=$$(.ci/kernel) && go run ./examples/boottime -kernel "$$kernel" && go test -run "^$$" -bench Processes ./pkg/metrics
fuzz: ; @.ci/fuzz
clean: ; rm -rf build
