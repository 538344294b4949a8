#!/usr/bin/env bash
# Submits one job and prints its id and nothing else. The last argument is the job's script.
# Options become variables of their names, which a checker cannot see.
# shellcheck disable=SC2154
set -euo pipefail

while [[ ${1:-} == --* ]]; do
    declare "$(tr - _ <<< "${1#--}")=$2"
    shift 2
done

log=.snakemake/cluster_logs/$name
mkdir -p "$log"
options=(
    --parsable --job-name="mine_$name" --output="$log/%j.log" --requeue
    --mem="$mem_mb" --time="$minutes" --cpus-per-task="$cpus"
)
if [ "$gpu" -gt 0 ]; then
    options+=(--partition="$gpu_partition" --gpus="${gpu_type:+$gpu_type:}$gpu")
else
    options+=(--partition="$cpu_partition")
fi
[ -z "$account" ] || options+=(--account="$account")

# --parsable prints id;cluster where there are several clusters.
sbatch "${options[@]}" "$1" | cut -d ';' -f 1
