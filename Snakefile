# From config/config.yaml to tables and figures. Everything that computes is a `mine` command; see workflow/rules.
from pathlib import Path

from mine.config import check_or_exit, with_defaults

# A file given by --configfile stands alone: merged into the published one, it would inherit its experiments. A working
# folder elsewhere (--directory) may have a config/config.yaml of its own; without one it is the published one.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml" if Path("config").exists() else f"{workflow.basedir}/config/config.yaml"


# A job's own process reads what the first one has checked; to check it again would cost every job a second.
if workflow.is_main_process:
    config = check_or_exit(config, workflow.configfiles)
else:
    config = with_defaults(config)


include: "workflow/rules/common.smk"
include: "workflow/rules/concepts_common.smk"
include: "workflow/rules/own_common.smk"


report: "workflow/report/workflow.rst"


localrules:
    all,
    claims,
    search,
    own,
    concepts,


rule all:
    default_target: True
    input:
        # Runs too, so that a lost one is trained again although the tables that it went into are still there.
        runs=runs_for("all"),
        tables=tables_for("all"),
        figures=figures_for("all"),
        ledger=f"{RESULTS}/claims/runs/claims.parquet",


# The whole ledger: the above, and gradients measured at frozen critics. Beside it the papers' claims, by what
# `snakemake benchmark` has made.
rule claims:
    input:
        ledger=f"{RESULTS}/claims/full/claims.parquet",
        papers=f"{RESULTS}/claims/papers/claims.parquet",
        figures=claim_figures(),


# What carries another target than `all`: `snakemake phase`, `snakemake benchmark`, or a name of your own; with what a
# target adds to the tables of `own`.
for target in dict.fromkeys((*further_targets(config), *OWN_PLAN.further)):

    rule:
        name:
            target
        input:
            runs=runs_for(target),
            tables=tables_for(target),
            figures=figures_for(target),
            further=own_further(target),
        localrule: True


# Which settings made the write-up's pictures?
rule search:
    input:
        tables=f"{RESULTS}/search/judged.parquet",
        figure=figure_files(f"{RESULTS}/figures/search/search").values(),


# How good is `mine estimate` on tasks of known mutual information?
rule own:
    input:
        tables=f"{RESULTS}/own/aims.parquet",
        figure=figure_files(f"{RESULTS}/figures/own/own_errors").values(),


# How much leaks through concept bottlenecks, and can it be stopped?
rule concepts:
    input:
        tables=f"{RESULTS}/concepts/decision.parquet",
        figures=[
            file for name in CONCEPTS_FIGURES for file in figure_files(f"{RESULTS}/figures/concepts/{name}").values()
        ],


include: "workflow/rules/report.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/control.smk"
include: "workflow/rules/collect.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/own.smk"
include: "workflow/rules/concepts.smk"
include: "workflow/rules/notebooks.smk"
