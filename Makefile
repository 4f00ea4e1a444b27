# tiktok_fdw: foreign-data wrapper for TikTok's Marketing API
#
#   make && sudo make install      build and install (PG_CONFIG=… for another server)
#   make installcheck              regression and TAP tests against the running server
#   sh test/check.sh               everything, on a private server, nothing installed
#
# Developers: make indent | check-format | lint | walls | circles | unit | fuzz |
# coverage | sql | doc | dist; WERROR=1 turns warnings into errors.

EXTENSION = tiktok_fdw

# Where the sources are, which need not be the folder to build in (make -f …/Makefile,
# or VPATH=…), and their names there.
TOP := $(or $(VPATH),$(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST)))))
in_top = $(sort $(patsubst $(TOP)/%,%,$(wildcard $(addprefix $(TOP)/,$(1)))))
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(TOP)/tiktok_fdw.control)

# The regression scripts: one topic each, each runs alone.
REGRESS = $(filter-out tiktok_fdw--%,$(sort $(basename $(notdir $(call in_top,sql/*.sql)))))

MODULE_big = $(EXTENSION)
SOURCES = $(sort tiktok_fdw.c $(call in_top,src/*/*.c))
INCLUDED = $(call in_top,src/*.h src/*/*.h src/*/*.def)
OBJS = $(SOURCES:.c=.o)
DATA = $(sort sql/$(EXTENSION)--$(EXTVERSION).sql $(call in_top,sql/$(EXTENSION)--*.sql))
DOCS = README.md $(filter-out doc/README.md,$(call in_top,doc/*.md))
PGFILEDESC = "tiktok_fdw - foreign-data wrapper for TikTok's Marketing API"

TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl
REGRESS_OPTS = --encoding=UTF8 --no-locale
EXTRA_CLEAN = build $(OBJS) $(OBJS:.o=.bc)

PKG_CONFIG ?= pkg-config
PG_CPPFLAGS = -I$(TOP)/src -DTT_VERSION='"$(EXTVERSION)"' $(shell $(PKG_CONFIG) --cflags libcurl jansson)
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs libcurl jansson)

PG_CONFIG ?= pg_config
CLANG_FORMAT ?= $(or $(shell command -v clang-format-14 2>/dev/null),clang-format)

# WERROR=1: no warning passes. PostgreSQL's own headers do not compile cleanly
# under -Wextra, so they count as system headers then; its callbacks have fixed
# signatures, so a parameter may go unused; and its types and macros (Index and
# int, Min and lengthof) compare signed with unsigned everywhere. A clang that is
# given the flags of a server built with gcc does not know all of them, and a newer
# one dislikes how the server's macros cast the callbacks of tree walkers.
ifdef WERROR
PG_CPPFLAGS += -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS += -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare $(CLANG_FLAGS)
CLANG_FLAGS = $(if $(findstring clang,$(shell $(CC) --version)),-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument -Wno-cast-function-type-strict)
endif

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# that of PL/Python, which not every server was built with
ifeq ($(PYTHON),)
PYTHON = python3
endif

ifneq ($(filter 9.% 10 11 12 13 14,$(MAJORVERSION)),)
$(error tiktok_fdw needs PostgreSQL 15 or later, $(PG_CONFIG) is of $(VERSION): name another's in PG_CONFIG)
endif

# absolute: a relative name would be found where the sources are
FOLDERS = $(sort $(dir $(addprefix $(CURDIR)/,$(OBJS))))

# PGXS tracks no header dependencies; a build of this size need not be clever.
$(OBJS) $(OBJS:.o=.bc): $(INCLUDED) Makefile | $(FOLDERS)
$(FOLDERS):
	mkdir -p $@

# PGXS installs a DOCS of a folder without the folder, and looks for it there to remove it.
uninstall: uninstall-doc
.PHONY: uninstall-doc
uninstall-doc:
	rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/,$(notdir $(DOCS)))

# The extension script is put together from its parts; nothing is written where it
# is up to date.
all: sql

sql:
	@sh $(srcdir)/sql/assemble.sh

check-sql:
	@sh $(srcdir)/sql/assemble.sh --check

# The regression scripts find the API in $TIKTOK_API_URL; where that is not
# set, a local API runs on a free port for as long as they do.
tt_pg_regress := $(top_builddir)/src/test/regress/pg_regress
pg_regress_installcheck := $(subst $(tt_pg_regress),sh $(TOP)/test/with_api.sh \
	$(tt_pg_regress),$(pg_regress_installcheck))

# Unit tests: each test/unit/*_test.c is a program, linked with what needs no
# PostgreSQL (request.c and jansson), under the sanitizers where there are any.
UNIT_SOURCES = src/request/request.c src/request/option_filters.c src/request/periods.c src/request/second_ids.c \
	src/request/windows.c src/catalog/catalog.c
UNIT_TESTS = $(patsubst test/unit/%.c,build/unit/%,$(sort $(wildcard test/unit/*_test.c)))
UNIT_CFLAGS = -std=gnu99 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-format-truncation -Isrc -Itest/unit \
	$(shell $(PKG_CONFIG) --cflags jansson)
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
SANITIZE_WORKS = $(shell mkdir -p build && echo 'int main(void) { return 0; }' | \
	$(CC) $(SANITIZE) -x c -o build/sanitize - 2>/dev/null && build/sanitize 2>/dev/null && echo yes)

build/unit/%: test/unit/%.c $(UNIT_SOURCES) $(INCLUDED) $(wildcard test/unit/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) $(if $(SANITIZE_WORKS),$(SANITIZE)) -o $@ $< $(UNIT_SOURCES) \
		$(shell $(PKG_CONFIG) --libs jansson) -lm $(COPT)

unit: $(UNIT_TESTS)
	@test -n "$^" || { echo "not ok - there are no test/unit/*_test.c"; exit 1; }
	@failed=0; for t in $^; do echo "# $$t"; $$t || { failed=1; echo "not ok - $$t"; }; done; \
		exit $$failed

# Fuzz targets: test/fuzz/NAME_fuzz.c.  In build/fuzz/NAME they read files and are
# run over the corpus; build/libfuzzer/NAME is what test/fuzz/run.sh runs.  The
# JSON lexer comes from PostgreSQL's library for programs, the rest of the server
# from shim.c, whose functions must win over that library's.
FUZZ_TARGETS = $(patsubst test/fuzz/%_fuzz.c,%,$(sort $(wildcard test/fuzz/*_fuzz.c)))
FUZZ_CLANG ?= clang
FUZZ_LIBS = $(firstword $(wildcard $(addsuffix /libpgcommon.a,$(shell $(PG_CONFIG) --pkglibdir) \
	$(shell $(PG_CONFIG) --libdir))))
FUZZ_CFLAGS = -std=gnu99 -g -O1 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-unknown-warning-option -Wno-format-truncation -fwrapv -D_GNU_SOURCE -Isrc -Itest/fuzz \
	-isystem $(shell $(PG_CONFIG) --includedir-server) $(shell $(PKG_CONFIG) --cflags libcurl jansson)
FUZZ_reply = src/reply/reply.c src/reply/reply_text.c
FUZZ_decode = test/fuzz/decode_shim.c src/reply/decode.c $(FUZZ_reply) src/catalog/catalog.c
FUZZ_request = $(UNIT_SOURCES)
FUZZ_option_value = src/option_defs/option_value.c
fuzz_build = @mkdir -p $(@D) && $(2) $(FUZZ_CFLAGS) $(1) -o $@ test/fuzz/$*_fuzz.c test/fuzz/shim.c \
	$(FUZZ_$*) $(FUZZ_LIBS) $(FUZZ_LIBS:common.a=port.a) $(shell $(PKG_CONFIG) --libs libcurl jansson) -lm

build/fuzz/%: test/fuzz/%_fuzz.c $(wildcard test/fuzz/*.[ch]) $(SOURCES) $(INCLUDED) Makefile
	$(call fuzz_build,$(if $(SANITIZE_WORKS),$(SANITIZE)) test/fuzz/main.c,$(CC))

build/libfuzzer/%: test/fuzz/%_fuzz.c $(wildcard test/fuzz/*.[ch]) $(SOURCES) $(INCLUDED) Makefile
	$(call fuzz_build,-O2 $(SANITIZE) -fsanitize=fuzzer,$(FUZZ_CLANG))

fuzz: $(if $(FUZZ_LIBS),$(FUZZ_TARGETS:%=build/fuzz/%))
	@$(if $(FUZZ_LIBS),,echo "ok - fuzz # SKIP there is no libpgcommon.a"; exit 0;) failed=0; \
	for t in $(FUZZ_TARGETS); do \
		build/fuzz/$$t test/fuzz/corpus/$$t/* 2>build/fuzz/$$t.log || { failed=1; \
			grep -v '^# ' build/fuzz/$$t.log; grep '^# ' build/fuzz/$$t.log | tail -n 1; \
			echo "not ok - $$t"; }; done; exit $$failed

libfuzzer: $(FUZZ_TARGETS:%=build/libfuzzer/%)

# The C sources in one style (.clang-format); the .def files are tables.
FORMATTED = $(sort $(SOURCES) $(wildcard src/*.h src/*/*.h doc/*.c test/unit/*.[ch] \
	test/fuzz/*.[ch] test/wire/*.[ch]))

indent:
	$(CLANG_FORMAT) -i $(FORMATTED)

check-format:
	$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

# What finds bugs without running: clang-tidy with the checks of .clang-tidy, its
# analyzer one function at a time (calls followed would take minutes), and cppcheck.
CLANG_TIDY ?= clang-tidy
CPPCHECK ?= cppcheck
LINT_JOBS ?= $(shell nproc 2>/dev/null || echo 2)
LINT_CFLAGS = -std=gnu99 -Isrc -D_GNU_SOURCE '-DTT_VERSION="$(EXTVERSION)"' \
	-isystem $(shell $(PG_CONFIG) --includedir-server) $(shell $(PKG_CONFIG) --cflags libcurl jansson) \
	-Xclang -analyzer-config -Xclang mode=shallow -Xclang -analyzer-config -Xclang ipa=none

lint:
	@printf '%s\n' $(SOURCES) | xargs -P $(LINT_JOBS) -n 6 \
		sh -c '$(CLANG_TIDY) --quiet "$$@" -- $(subst ','\'',$(LINT_CFLAGS)) 2>/dev/null' lint
	@$(CPPCHECK) -q -j $(LINT_JOBS) --error-exitcode=1 --std=c99 --language=c -Isrc \
		-D__linux__ '-DTT_VERSION="$(EXTVERSION)"' --library=test/lint/postgresql.cfg \
		--enable=warning,performance,portability \
		--template='{file}:{line}: {severity}: {message} [{id}]' $(SOURCES)

# Which lines the tests run: unit and regression tests, and TAP tests by name.
COVERAGE_TAP ?= 010 020 027 028 050 063 073 074

coverage:
	sh test/coverage.sh $(COVERAGE_TAP)

walls:
	sh test/walls.sh

# No two files, no two folders use each other.
circles: $(OBJS)
	@$(PYTHON) test/circles.py $(OBJS)

# The stream tables of the reference, from the catalogue.
doc:
	sh doc/generate.sh

check-doc:
	sh doc/generate.sh --check

# The archive for PGXN: what is committed.
dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(DISTVERSION)/ \
		-o $(EXTENSION)-$(DISTVERSION).zip HEAD
DISTVERSION = $(shell sed -n 's/^	"version": "\(.*\)",/\1/p' META.json)

.PHONY: sql check-sql unit fuzz libfuzzer indent check-format lint coverage walls circles doc \
	check-doc dist
