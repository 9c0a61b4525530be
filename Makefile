# make demo: twenty seconds on a small LED volume, then films in out/demo. make test: everything CI runs. make test-slow:
# the tests that take long for what they add to those.
.PHONY: demo test test-slow lint soak schema clean

BIN := .venv/bin

demo: .venv/.demo
	$(BIN)/vpengine demo

# What goes by the machine's clock runs by itself; the rest side by side, which has no such bound, and what draws first:
# a file of few long tests must not be the last. There each process has one thread: those of OpenMP wait in a loop for
# each other, and five times as long where others have the cores. The C library keeps its memory: to give back and fetch
# each large array costs a virtual machine more than to compute it. Bytecode is kept, whatever the machine's habit:
# workers, and programs that tests start, import the same files. Both are run, whatever the first finds. Neither takes
# more than its minutes, many times what a machine needs that runs: what a slower one had no time for is told.
KEPT := MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8589934592
SIDE_BY_SIDE = $(KEPT) OMP_NUM_THREADS=1 LP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile \
	--no-loadscope-reorder
ALONE = $(KEPT) $(BIN)/pytest $$(grep -rl --include='*.py' mark.alone tests/unit tests/gl tests/cuda | sort -r)
test test-slow: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.dev lint
	@failed=0; set -x; \
	$(SIDE_BY_SIDE) --minutes 40 -m "not alone and not slow" || failed=1; \
	$(ALONE) --minutes 12 -m "alone and not slow" || failed=1; \
	exit $$failed

test-slow: .venv/.dev
	$(SIDE_BY_SIDE) -m "slow and not alone"
	$(ALONE) -m "slow and alone"

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: .venv/.soak
	$(BIN)/pytest tests/soak --timeout 3600 -rs

schema: .venv/.dev
	$(BIN)/python tools/make_schema.py

.venv/.demo: pyproject.toml constraints.txt tools/bootstrap
	sh tools/bootstrap demo
	@touch $@

.venv/.dev: pyproject.toml constraints.txt tools/bootstrap
	sh tools/bootstrap dev
	@touch $@ .venv/.demo

.venv/.soak: pyproject.toml constraints.txt tools/bootstrap
	sh tools/bootstrap soak
	@touch $@ .venv/.dev .venv/.demo

clean:
	rm -rf .venv out build dist
