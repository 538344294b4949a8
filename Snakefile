# From config/config.yaml to tables and figures. Everything that computes is a `mine` command; see workflow/rules.
from pathlib import Path

from mine.config import SCHEMA, check_or_exit

# A file given by --configfile stands alone: merged into the published one, it would inherit its experiments.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


config = check_or_exit(config, Path(workflow.basedir) / SCHEMA, workflow.configfiles)


include: "workflow/rules/common.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        # Runs too, so that a lost one is trained again although the tables that it went into are still there.
        runs=all_runs(),
        summaries=expand(f"{RESULTS}/{{experiment}}/summary.parquet", experiment=EXPERIMENTS),
        figures=all_figures(),


include: "workflow/rules/train.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/figures.smk"
