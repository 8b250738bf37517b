# psisweep. `make help` lists the targets.
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help info demo test test-long check asan ubsan valgrind tidy format bench bench-grid \
        bench-calibration crash-matrix install uninstall clean lib unit serial fuzz fuzzers

BUILD   ?= build
# make V=1 shows whole commands
Q       := $(if $(V),,@)
say      = $(if $(V),,@echo "  $(1)")
CC      := $(if $(filter default,$(origin CC)),cc,$(CC))
MPICC   ?= mpicc
PREFIX  ?= /usr/local
DESTDIR ?=
# The two value-safe relaxations let GCC vectorise masked updates; no -ffast-math.
CFLAGS  ?= -O3 -g -fno-math-errno -fno-trapping-math
# warnings are errors in CI; another compiler than ours may know more of them
WERROR  ?= $(if $(CI),-Werror)
comma   := ,

# What is found, without root and without asking for more than mpicc and h5pcc on PATH.
# HDF5: what h5pcc says of itself (a loaded module's goes before the system's), else Debian's
# pkg-config file of the parallel build.
HDF5_INC := $(or $(shell h5pcc -show 2>/dev/null | grep -o -- '-I[^ ]*' | tr '\n' ' '),$(shell pkg-config --cflags-only-I hdf5-openmpi 2>/dev/null))
HDF5_DIR := $(or $(shell h5pcc -show 2>/dev/null | grep -o -- '-L[^ ]*' | tr '\n' ' '),$(shell pkg-config --libs-only-L hdf5-openmpi 2>/dev/null))
HDF5_LIB  = $(HDF5_DIR) $(patsubst -L%,-Wl$(comma)-rpath$(comma)%,$(filter -L%,$(HDF5_DIR))) -lhdf5_hl -lhdf5
# OpenBLAS: Debian's serial build by its own rpath first (the system alternative may be a threaded
# one, or no OpenBLAS at all), else what pkg-config or the linker find.
BLAS_DIR := $(firstword $(wildcard /usr/lib/*/openblas-serial))
BLAS_LIB := $(if $(BLAS_DIR),-L$(BLAS_DIR) -Wl$(comma)-rpath$(comma)$(BLAS_DIR) -lopenblas,$(shell pkg-config --libs openblas 2>/dev/null || echo -lopenblas))
NLOPT    := $(shell pkg-config --libs nlopt 2>/dev/null || echo -lnlopt)
COMMIT   := $(shell git describe --always --dirty 2>/dev/null || echo no git)

WARN = -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes \
       -Wmissing-prototypes -Wvla $(WERROR)
FLAGS = -std=c17 -D_GNU_SOURCE -Iinclude $(WARN) $(CFLAGS) -MMD -MP
LIBS  = $(BLAS_LIB) $(NLOPT) -lyaml -lz -lm

# Below par and store: plain cc, one library, neither MPI nor HDF5.
PLAIN = $(patsubst %.c,$(BUILD)/%.o,$(foreach d,core data net prune spectrum study,$(wildcard src/$(d)/*.c)))
REPORT = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/report/*.c))
PAR   = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/par/*.c))
STORE = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/store/*.c))
CLI   = $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/cli/*.c))
LIB   = $(BUILD)/libpsisweep.a
UNIT  = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/test_*.c))
MPI   = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/mpi/*.c))
FUZZ  = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
SHIM  = $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/cli/*.c)) $(BUILD)/tests/fault.so
SCRIPTS = $(filter-out tests/cli/lib.sh,$(wildcard tests/mpi/*.sh tests/cli/*.sh))

all: $(BUILD)/psisweep ## build/psisweep and build/libpsisweep.a

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BUILD)/psisweep: $(CLI) $(PAR) $(STORE) $(REPORT) $(LIB)
	$(call say,link $@)
	$(Q)$(MPICC) $(CFLAGS) -o $@ $^ $(HDF5_LIB) $(LIBS)

$(BUILD)/src/cli/plan_sbatch.o: jobs/psisweep.sbatch # in it as it stands

lib: $(LIB)
$(LIB): $(PLAIN)
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(PLAIN) $(REPORT): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(FLAGS) -c $< -o $@

$(PAR) $(CLI) $(STORE): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,mpicc $<)
	$(Q)$(MPICC) $(FLAGS) $(HDF5_INC) -c $< -o $@

# The commit is compiled into one place alone, and only when it changes.
$(BUILD)/commit: FORCE
	@mkdir -p $(@D); echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' >$@
$(BUILD)/src/store/create.o $(BUILD)/src/cli/main.o: $(BUILD)/commit
$(BUILD)/src/store/create.o $(BUILD)/src/cli/main.o: CFLAGS += -DPSI_COMMIT='"$(COMMIT)"'
FORCE:

$(BUILD)/tests/test_%: tests/test_%.c $(REPORT) $(LIB)
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(FLAGS) -Itests $< -o $@ $(REPORT) $(LIB) -lcmocka $(LIBS)

$(BUILD)/tests/mpi/%: tests/mpi/%.c $(PAR) $(STORE) $(LIB)
	@mkdir -p $(@D)
	$(call say,mpicc $<)
	$(Q)$(MPICC) $(FLAGS) $(HDF5_INC) $< -o $@ $(PAR) $(STORE) $(LIB) $(HDF5_LIB) $(LIBS)

$(BUILD)/tests/cli/%.so: tests/cli/%.c
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(FLAGS) -shared -fPIC $< -o $@ -ldl

# It stands before the allocator: -fno-builtin, or its calls to it would be folded.
$(BUILD)/tests/fault.so: $(wildcard tests/fault/*.[ch])
	@mkdir -p $(@D)
	$(call say,cc $@)
	$(Q)$(CC) $(FLAGS) -fno-builtin -shared -fPIC $(filter %.c,$^) -o $@ -ldl

# A fuzz target may read all that the program reads; FUZZ_MAIN gives it its main.
FUZZ_MAIN ?= tests/fuzz/driver.c
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(FUZZ_MAIN) $(filter-out %/main.o,$(CLI)) $(PAR) $(STORE) $(REPORT) $(LIB)
	@mkdir -p $(@D)
	$(call say,mpicc $<)
	$(Q)$(MPICC) $(FLAGS) $(HDF5_INC) -Isrc/cli $< $(FUZZ_MAIN) -o $@ $(FUZZ_LINK) $(filter %.o,$^) $(LIB) $(HDF5_LIB) $(LIBS) -ldl

unit: $(UNIT) $(MPI) $(SHIM) $(FUZZ)

info: ## what was found, and which versions
	@echo "compiler   $$($(CC) --version | head -1)"
	@echo "MPI        $$(command -v $(MPICC)): $$(mpirun --version 2>/dev/null | head -1)"
	@echo "HDF5       $(HDF5_DIR) $$(h5pcc -showconfig 2>/dev/null | sed -n 's/^ *HDF5 Version: *//p')"
	@echo "BLAS       $(BLAS_LIB)"
	@echo "libraries  $(LIBS)"
	@echo "commit     $(COMMIT)"
	@test -x $(BUILD)/psisweep && $(BUILD)/psisweep --version || echo "not built yet"

demo: ## install what is missing, build, sweep the built-in digits, show F_min and a report
	tools/install-deps build report
	$(MAKE) --no-print-directory all
	tools/launch 2 $(BUILD)/psisweep run jobs/quickstart.yaml
	$(BUILD)/psisweep report results/quickstart.h5 -o results/quickstart
	@echo "the report: results/quickstart/index.html"

test: ## install what is missing, build, run every test
	tools/install-deps build test report
	$(MAKE) --no-print-directory check

check: all unit
	tools/check-layers
	tests/run $(UNIT) $(FUZZ) $(SCRIPTS)

test-long: all unit ## the tests that take longer: more kills, larger grids, real MNIST
	PSI_LONG=1 TEST_SECONDS=7200 tests/run $(UNIT) $(FUZZ) $(SCRIPTS)

crash-matrix: all $(BUILD)/tests/fault.so ## every fault at every call, and kills by the hundred: results/reliability.md
	tools/crash-matrix $(MATRIX)

# The serial tests under the sanitisers, in build folders of their own, and under valgrind, which
# knows no AVX-512.
SERIAL_LONG = TEST_SECONDS=7200
asan: ## unit tests under AddressSanitizer
	$(MAKE) BUILD=build-asan CFLAGS="-O1 -g -DPSI_DEBUG -fsanitize=address -fno-omit-frame-pointer" serial
ubsan: ## unit tests under UndefinedBehaviorSanitizer
	$(MAKE) BUILD=build-ubsan CFLAGS="-O1 -g -DPSI_DEBUG -fsanitize=undefined -fno-sanitize-recover=all" serial
serial: $(UNIT)
	$(SERIAL_LONG) tests/run $(UNIT)
valgrind: $(UNIT) ## unit tests under valgrind
	@for t in $(UNIT); do printf '#!/bin/sh\nOPENBLAS_CORETYPE=Haswell exec valgrind -q --error-exitcode=9 --leak-check=full %s\n' $$t >$$t.valgrind; chmod +x $$t.valgrind; done
	$(SERIAL_LONG) PSI_VALGRIND=1 tests/run $(UNIT:=.valgrind)

# Search by coverage (clang) from the kept corpus on, FUZZ_SECONDS a target; then HDF5's own
# structures, which only the driver changes. What is new is left in build-fuzz/corpus.
FUZZ_SECONDS ?= 900
fuzz: ## job, data and results files under libFuzzer and sanitisers, FUZZ_SECONDS=900 each
	tools/install-deps build fuzz
	$(MAKE) BUILD=build-fuzz CC=clang MPICC="OMPI_CC=clang mpicc" FUZZ_MAIN=tests/fuzz/libfuzzer.c FUZZ_LINK=-fsanitize=fuzzer \
		CFLAGS="-O1 -g -DPSI_DEBUG -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all" fuzzers
	$(MAKE) $(FUZZ)
	for t in $(notdir $(FUZZ)); do mkdir -p build-fuzz/corpus/$$t && build-fuzz/tests/fuzz/$$t -close_fd_mask=1 \
		-timeout=60 -rss_limit_mb=4096 -max_len=8192 -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
		-artifact_prefix=build-fuzz/$$t- build-fuzz/corpus/$$t tests/fuzz/$${t#fuzz_} || exit 1; done
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BUILD)/tests/fuzz/fuzz_results
fuzzers: $(FUZZ)

tidy: ## clang-tidy, where it is installed
	clang-tidy --quiet $(wildcard src/core/*.c src/data/*.c src/net/*.c src/prune/*.c src/spectrum/*.c src/study/*.c src/report/*.c) -- -std=c17 -D_GNU_SOURCE -Iinclude
format: ## clang-format every source
	clang-format -i $(wildcard src/*/*.[ch] include/psisweep/*.h tests/*.[ch] tests/*/*.[ch] tools/*.c)

bench: ## speed beside PyTorch, interleaved, one thread each
	tools/install-deps build bench
	$(MAKE) --no-print-directory $(BUILD)/tools/bench
	/usr/bin/python3 tools/bench.py
bench-calibration: $(BUILD)/tools/bench_calibration ## do intervals and verdicts hold, over simulated sweeps?
	$(Q)$<
$(BUILD)/tools/bench: $(wildcard tools/bench_*.h)
$(BUILD)/tools/bench: WRAP = -Wl,--wrap=cblas_sgemm # sgemm's share of a step is measured
$(BUILD)/tools/bench_calibration: tests/simulate.h
$(BUILD)/tools/%: tools/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,cc $<)
	$(Q)$(CC) $(FLAGS) $(WRAP) $< -o $@ $(LIB) $(LIBS)
bench-grid: ## core-seconds of whole sweeps beside PyTorch's, and accuracies
	tools/install-deps build bench
	$(MAKE) --no-print-directory all
	/usr/bin/python3 tools/bench_grid.py

# Where things go. A library below LIBDIR links with `pkg-config --cflags --libs --static psisweep`.
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
SHARE    = $(DESTDIR)$(PREFIX)/share
HEADERS  = $(shell tools/check-layers --library)
VERSION  = $(shell sed -n 's/.*PSI_VERSION "\(.*\)"/\1/p' include/psisweep/version.h)
put      = install -d $(2) && install -m $(if $(3),$(3),644) $(1) $(2)/

install: all ## into DESTDIR/PREFIX: program, library, manual, completion, job files
	tools/make-man $(BUILD)/psisweep $(BUILD)/man
	printf 'prefix=%s\nincludedir=$${prefix}/include\nlibdir=%s\n\nName: psisweep\nDescription: %s\nVersion: %s\nCflags: %s\nLibs: %s\nLibs.private: %s\n' \
	    '$(PREFIX)' '$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))' \
	    'at which density do pruned neural networks stop recovering?' '$(VERSION)' \
	    '-I$${includedir}' '-L$${libdir} -lpsisweep' '$(LIBS)' >$(BUILD)/psisweep.pc
	$(call put,$(BUILD)/psisweep,$(DESTDIR)$(PREFIX)/bin,755)
	install -m 755 tools/get-data $(DESTDIR)$(PREFIX)/bin/psisweep-get-data
	$(call put,$(LIB),$(DESTDIR)$(LIBDIR))
	$(call put,$(BUILD)/psisweep.pc,$(DESTDIR)$(LIBDIR)/pkgconfig)
	$(call put,$(HEADERS),$(DESTDIR)$(PREFIX)/include/psisweep)
	install -d $(DESTDIR)$(MANDIR)/man1 && find $(BUILD)/man -name '*.1' -exec install -m 644 -t $(DESTDIR)$(MANDIR)/man1 {} +
	$(call put,packaging/psisweep.bash,$(SHARE)/bash-completion/completions)
	mv $(SHARE)/bash-completion/completions/psisweep.bash $(SHARE)/bash-completion/completions/psisweep
	$(call put,$(wildcard jobs/*),$(SHARE)/psisweep/jobs)
	$(call put,README.md LICENSE,$(SHARE)/doc/psisweep)

uninstall: ## take away what install has put there
	rm -f $(DESTDIR)$(PREFIX)/bin/psisweep $(DESTDIR)$(PREFIX)/bin/psisweep-get-data \
	    $(DESTDIR)$(LIBDIR)/libpsisweep.a $(DESTDIR)$(LIBDIR)/pkgconfig/psisweep.pc \
	    $(DESTDIR)$(MANDIR)/man1/psisweep.1 $(DESTDIR)$(MANDIR)/man1/psisweep-*.1 \
	    $(SHARE)/bash-completion/completions/psisweep
	rm -rf $(DESTDIR)$(PREFIX)/include/psisweep $(SHARE)/psisweep $(SHARE)/doc/psisweep

clean: ## remove what was built
	rm -rf build build-asan build-ubsan build-fuzz

-include $(patsubst %.o,%.d,$(PLAIN) $(REPORT) $(PAR) $(STORE) $(CLI)) $(UNIT:=.d) $(MPI:=.d) $(FUZZ:=.d)
