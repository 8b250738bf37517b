# psisweep: make help
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

BUILD   ?= build
CC      ?= cc
MPICC   ?= mpicc
AR      ?= ar
PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O3 -g
# CI and developers: make WERROR=-Werror
WERROR  ?= -Werror

PKG      = pkg-config
# HDF5: the parallel build's pkg-config file, else what h5pcc says of itself.
HDF5_CFLAGS := $(shell $(PKG) --cflags-only-I hdf5-openmpi 2>/dev/null || h5pcc -show 2>/dev/null | grep -o -- '-I[^ ]*' | tr '\n' ' ')
HDF5_LIBS   := $(shell $(PKG) --libs-only-L hdf5-openmpi 2>/dev/null || h5pcc -show 2>/dev/null | grep -o -- '-L[^ ]*' | tr '\n' ' ') -lhdf5_hl -lhdf5
# OpenBLAS: Debian's serial build first, with its own rpath, for the system alternative may be a
# threaded one; else pkg-config's.
BLAS_DIR  := $(firstword $(wildcard /usr/lib/*/openblas-serial))
BLAS_LIBS := $(if $(BLAS_DIR),-L$(BLAS_DIR) -Wl$(comma)-rpath$(comma)$(BLAS_DIR) -lopenblas,$(shell $(PKG) --libs openblas 2>/dev/null || echo -lopenblas))
YAML_LIBS := $(shell $(PKG) --libs yaml-0.1 2>/dev/null || echo -lyaml)
ZLIB_LIBS := $(shell $(PKG) --libs zlib 2>/dev/null || echo -lz)
comma := ,

WARN   = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -Iinclude $(WARN) $(CFLAGS) -MMD -MP
LIBS = $(BLAS_LIBS) $(YAML_LIBS) $(ZLIB_LIBS) -lm

# Below par and store: plain cc, one library, neither MPI nor HDF5.
PLAIN_DIRS = core data net prune spectrum study
PLAIN_SRC  = $(foreach d,$(PLAIN_DIRS),$(wildcard src/$(d)/*.c))
PLAIN_OBJ  = $(PLAIN_SRC:%.c=$(BUILD)/%.o)
MPI_SRC    = $(foreach d,par store report,$(wildcard src/$(d)/*.c))
MPI_OBJ    = $(MPI_SRC:%.c=$(BUILD)/%.o)
CLI_SRC    = $(wildcard src/cli/*.c)
CLI_OBJ    = $(CLI_SRC:%.c=$(BUILD)/%.o)
LIB        = $(BUILD)/libpsisweep.a
UNIT       = $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/test_*.c))

lib: $(LIB)
unit: $(UNIT)

$(LIB): $(PLAIN_OBJ)
	rm -f $@ && $(AR) rcs $@ $^

$(PLAIN_OBJ): $(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

$(BUILD)/tests/test_%: tests/test_%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests $< -o $@ $(LIB) -lcmocka $(LIBS)

-include $(PLAIN_OBJ:.o=.d) $(UNIT:=.d)
