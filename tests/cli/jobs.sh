#!/usr/bin/env bash
# Every job file runs as it stands but for its size: the same arms, on few and small cells.
. tests/cli/lib.sh

# A job on drawn digits, whatever its data: three densities, two seeds, an epoch or two. Exit code 0
# says that every cell and ladder was computed.
small() { # JOB [KEY=VALUE...]
    local job=$1
    shift
    ranks 2 run "$job" -q -o "$work/$(basename "$job" .yaml).h5" --set data.set=glyphs \
        --set data.train=700 --set data.test=300 --set data.validation=100 --set train.epochs=2 \
        --set retrain.epochs=1 --set train.batch=50 --set retrain.batch=50 --set grid.seeds=2 \
        "${@/#/--set=}"
}

dense() { small "jobs/$1.yaml" model.hidden=[24,12] "grid.density=[0.1,0.01,0.003]" "${@:2}"; }

all_run() {
    local job
    for job in jobs/*.yaml; do
        [ -e "$work/$(basename "$job" .yaml).h5" ] || { echo "$job has not been run here"; return 1; }
    done
}

check job_quickstart dense quickstart
check job_mnist_lenet300 dense mnist-lenet300
check job_collapse_mnist dense collapse-mnist rescue.finetune=[1] rescue.reinitialise=[1]
check job_issp_mnist dense issp-mnist rescue.finetune=[1] rescue.reinitialise=[1]
check job_order_of_criteria dense order-of-criteria
check job_width_mnist dense width-mnist
check job_issp_cifar small jobs/issp-cifar.yaml model.kind=lenet5-classic "grid.density=[0.1,0.01]" grid.seeds=[0] \
    rescue.finetune=[1] rescue.reinitialise=[1]
check job_lenet5_mnist small jobs/lenet5-mnist.yaml "grid.density=[0.1]" grid.seeds=[0]
check job_conv2_cifar small jobs/conv2-cifar.yaml "grid.density=[0.1]" grid.seeds=[0] \
    data.train=200 data.test=50 data.validation=50 train.epochs=1
check job_none_forgotten all_run
finish
