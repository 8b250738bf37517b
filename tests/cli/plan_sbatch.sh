#!/usr/bin/env bash
# plan --sbatch: a script that bash accepts, that says what the job is and runs nothing that its names
# say.
. tests/cli/lib.sh

mkdir "$work/here" "$work/bin"
cd "$work/here" || exit 1
hostile="'; touch hurt1; \$(touch hurt2) \"\`touch hurt3\`
touch hurt4; system(\"touch hurt5\")"
small_job x 0.5 1 | sed "1s/.*/name: \"'; touch hurt6; \$(touch hurt7)\\\\n#SBATCH --ntasks=999\\\\ntouch hurt8\"/" \
    >"$hostile.yaml"

# what the script would run, as it would be run
printf '#!/bin/sh\nprintf "<%%s>\\n" "$@" >>"%s"\n' "$work/called" >"$work/bin/psisweep"
chmod +x "$work/bin/psisweep"

script() {
    ranks 0 plan "$hostile.yaml" --pilot 0.1 --ranks 3 --sbatch -o "$hostile.h5" \
        --set "train.epochs=2" >"$work/script" && cat "$work/script" && bash -n "$work/script" &&
        [ "$(grep -c '^#SBATCH --ntasks=' "$work/script")" -eq 1 ] &&
        grep -qx '#SBATCH --ntasks=3' "$work/script" &&
        grep -qx '#SBATCH --job-name=[A-Za-z0-9._-]*' "$work/script" &&
        grep -qxE '#SBATCH --time=[0-9]+-[0-9]{2}:[0-9]{2}:00' "$work/script" &&
        grep -qx '#SBATCH --requeue' "$work/script"
}

harmless() { # from another folder, too
    (cd / && PSISWEEP=$work/bin/psisweep SLURM_JOB_ID=1 SLURM_NTASKS=3 SLURM_JOB_NODELIST=x \
        PATH=$work/bin:$PATH bash "$work/script") >/dev/null 2>&1
    printf '<%s>\n' run --print-output "$hostile.yaml" -o "$hostile.h5" --set train.epochs=2 >"$work/expected"
    head -c "$(wc -c <"$work/expected")" "$work/called" | diff "$work/expected" - &&
        [ -z "$(find "$work" / -maxdepth 1 -name 'hurt*'; find . -name 'hurt*')" ]
}

check plan_sbatch_script script
check plan_sbatch_harmless harmless
finish
