#!/usr/bin/env bash
# Cancels the jobs whose ids it is given, when snakemake is stopped with Ctrl-C.
exec scancel "$@"
