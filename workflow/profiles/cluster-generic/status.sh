#!/usr/bin/env bash
# Says of one job: running, success or failed. "running" also where SLURM does not answer: a controller that restarts
# must not make every job look failed.
set -uo pipefail

if answer=$(scontrol --oneliner show job "$1" 2>&1); then
    state=$(grep -o 'JobState=[A-Z_]*' <<< "$answer")
elif [[ $answer == *"Invalid job id"* ]]; then
    # Finished so long ago that the controller has forgotten it; the accounting, where there is one, has not.
    state=$(sacct --jobs="$1" --allocations --noheader --format=State 2> /dev/null | head -n 1)
else
    state=PENDING
fi

case ${state#JobState=} in
    *COMPLETED*) echo success ;;
    PENDING* | CONFIGURING* | RUNNING* | COMPLETING* | SUSPENDED* | STOPPED* | SIGNALING* | STAGE_OUT* | REQUEUE* | RESIZING*)
        echo running
        ;;
    *) echo failed ;;
esac
