#!/usr/bin/env bash
# make install: what is put where works from there, is taken away again, and the shell completes it.
. tests/cli/lib.sh
stage=$work/stage
# each command and its summary
"$psisweep" --help | sed -n '/^Commands/,/^$/s/^  \([a-z][a-z-]*\)  *\(.*\)$/\1 \2/p' >"$work/commands"
install_to() { make -s install DESTDIR="$stage" PREFIX=/opt/psi BUILD="$BUILD"; }

installed() {
    install_to && "$stage/opt/psi/bin/psisweep" --version &&
        "$stage/opt/psi/bin/psisweep" run "$stage/opt/psi/share/psisweep/jobs/quickstart.yaml" --print-config >/dev/null &&
        "$stage/opt/psi/bin/psisweep-get-data" --help >/dev/null &&
        [ -s "$stage/opt/psi/share/doc/psisweep/README.md" ] &&
        [ -z "$(find "$stage" ! -type d -perm /022)" ]
}

# A program outside the tree, by what pkg-config says alone.
library() {
    command -v pkg-config >/dev/null || { echo "no pkg-config"; return 1; }
    mkdir -p "$work/outside"
    cat >"$work/outside/use.c" <<'C'
#include <psisweep/dataset.h>
#include <psisweep/hash.h>
#include <psisweep/trial.h>
#include <stdio.h>
int main(void)
{
    struct psi_data_spec spec = {.set = PSI_PLANTED, .inputs = 8, .train = 40, .test = 8};
    struct psi_dataset *dataset;
    struct psi_error err;
    if (psi_dataset_create(&spec, &dataset, &err))
        return 1;
    printf("%zu classes\n", dataset->classes);
    psi_dataset_destroy(dataset);
    return 0;
}
C
    (
        cd "$work/outside" || exit 1
        export PKG_CONFIG_PATH=$stage/opt/psi/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=
        prefix="--define-variable=prefix=$stage/opt/psi"
        "${CC:-cc}" -std=c17 -Wall -Wextra -Werror use.c -o use $(pkg-config $prefix --cflags --libs --static psisweep) &&
            [ "$(./use)" = "8 classes" ] &&
            [ "$("$psisweep" --version | cut -d' ' -f2)" = "$(pkg-config --modversion psisweep)" ] &&
            # every header that is installed stands on its own
            for header in "$stage"/opt/psi/include/psisweep/*.h; do
                echo "#include <psisweep/$(basename "$header")>" |
                    "${CC:-cc}" -std=c17 -fsyntax-only -x c $(pkg-config $prefix --cflags psisweep) - || exit 1
            done
    )
}

manual() {
    [ -s "$work/commands" ] || return 1
    while read -r command summary; do
        page=$stage/opt/psi/share/man/man1/psisweep-$command.1
        grep -qF "psisweep-$command \\- $summary" "$page" && grep -q '^\.SH OPTIONS' "$page" &&
            grep -qF '$ psisweep' "$page" || { echo "$page"; return 1; }
    done <"$work/commands"
    for page in "$stage"/opt/psi/share/man/man1/*.1; do
        if command -v man >/dev/null; then
            LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l "$page" 2>"$work/warnings" >/dev/null && [ ! -s "$work/warnings" ] ||
                { cat "$work/warnings"; return 1; }
        fi
    done
}

without_help2man() {
    mkdir -p "$work/bin"
    for tool in bash sh env realpath mkdir; do ln -sf "$(command -v $tool)" "$work/bin/"; done
    PATH=$work/bin tools/make-man "$psisweep" "$work/man" 2>"$work/said" && grep -q 'help2man is not installed' "$work/said"
}

uninstalled() {
    make -s uninstall DESTDIR="$stage" PREFIX=/opt/psi BUILD="$BUILD" && [ -z "$(find "$stage" ! -type d)" ]
}

# completes LINE WORD...: after LINE the shell offers these words, and none of the others
completes() {
    local line=$1
    shift
    bash -c '. packaging/psisweep.bash
        COMP_LINE=$1 COMP_POINT=${#1}
        _psisweep 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}" | sort' - "$line" >"$work/offered"
    printf '%s\n' "$@" | sort | diff "$work/offered" - || { echo "after: $line"; return 1; }
}

offers() { # LINE WORD...: these among others
    local line=$1 word
    shift
    completes "$line" >/dev/null
    for word in "$@"; do
        grep -qxF -- "$word" "$work/offered" || { echo "after: $line: no $word in:"; cat "$work/offered"; return 1; }
    done
}

completion() {
    local p=$psisweep
    mkdir -p "$work/c/jobs" && : >"$work/c/a.yaml" && : >"$work/c/b.h5" && : >"$work/c/c.txt"
    offers "$p " $(cut -d' ' -f1 "$work/commands") --help &&
        completes "$p fmi" fmin &&
        completes "$p run --fail" --fail-fast &&
        offers "$p run -" --output --set --from --quiet --help &&
        completes "$p run $work/c/" "$work/c/a.yaml" "$work/c/jobs" &&
        completes "$p fmin --json $work/c/" "$work/c/b.h5" "$work/c/jobs" &&
        completes "$p run x.yaml --from $work/c/" "$work/c/b.h5" "$work/c/jobs" &&
        completes "$p run x.yaml --from=$work/c/" "$work/c/b.h5" "$work/c/jobs" &&
        completes "$p run x.yaml -o $work/c/" "$work/c/a.yaml" "$work/c/b.h5" "$work/c/c.txt" "$work/c/jobs" &&
        completes "$p report x.h5 -o $work/c/" "$work/c/jobs" &&
        completes "$p run --set train.ep" train.epochs= train.epsilon= &&
        completes "$p run --set=train.ep" train.epochs= train.epsilon= &&
        completes "$p run --set data.set=m" mnist &&
        completes "$p run --set=model.batchnorm=" false true &&
        completes "$p run --attempts " "" &&
        completes "$p nonsense " ""
}

check install_installed installed
check install_library library
if command -v help2man >/dev/null; then check install_manual manual; else skip install_manual 'help2man is not installed'; fi
check install_without_help2man without_help2man
check install_uninstalled uninstalled
check install_completion completion
finish
