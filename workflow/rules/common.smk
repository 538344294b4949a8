# What the rules look up in the configuration. Every job of a cluster parses this again: no torch, pandas, matplotlib.
import json
import sys
from importlib import metadata

from mine.experiments import (
    expand as planned_runs,
    parse_seeds,
    seed_blocks,
    settings_of,
    training_of,
    training_options,
)
from mine.figures import FIGURES, FORMATS
from mine.provenance import code_hash, training_code_hash
from mine.settings import VARIANTS

RESULTS = config["results"]
EXPERIMENTS = config["experiments"]
RUNS = {name: [run.path for run in planned_runs(experiment)] for name, experiment in EXPERIMENTS.items()}
# Where environments are made per rule (--sdm conda); otherwise the one that snakemake runs in serves.
CONDA_ENV = "../../environment.yml"
python = sys.executable

# So that `mine` is this interpreter's, also where its environment is not activated.
shell.prefix('set -euo pipefail; mine() {{ {python:q} -m mine "$@"; }}; ')


wildcard_constraints:
    experiment="|".join(map(re.escape, EXPERIMENTS)),
    setting="[^/]+",
    variant="|".join(VARIANTS),
    dim=r"\d+",
    rho=r"[^/]+",
    seed=r"\d+",


def train_priority(experiment):
    """Experiments are trained in the order in which the configuration names them, so that the first's figures come
    first."""
    return len(EXPERIMENTS) - list(EXPERIMENTS).index(experiment)


def blocks_of(experiment):
    """The seeds that one job trains together, for each such job of a cell."""
    seeds = parse_seeds(EXPERIMENTS[experiment]["grid"]["seeds"])
    return seed_blocks(seeds, config["runs_per_job"])


def block_files(block):
    """The results files of a block's job, every wildcard but the seed left open."""
    return [f"{RESULTS}/{{experiment}}/runs/{file}" for file in block.files]


def output_option(wildcards, output):
    """`mine train --output` for a job: its file, or with several the pattern in which {seed} stands for the seed."""
    if len(output) == 1:
        return output[0]
    return str(Path(output[0]).with_name("seed={seed}.parquet"))


def options_of(wildcards):
    """Every training setting of a run, as options of `mine train`."""
    experiment = EXPERIMENTS[wildcards.experiment]
    return training_options(training_of(experiment, wildcards.setting))


def run_files(wildcards):
    """The results files of an experiment."""
    return [f"{RESULTS}/{wildcards.experiment}/runs/{path}" for path in RUNS[wildcards.experiment]]


def all_runs():
    """The results files of every experiment."""
    return [f"{RESULTS}/{name}/runs/{path}" for name, paths in RUNS.items() for path in paths]


def runs_folder(wildcards):
    """The folder of an experiment's results files."""
    return f"{RESULTS}/{wildcards.experiment}/runs"


def grid_json(wildcards):
    """An experiment's part of the configuration, less what only figures need, as a command takes it."""
    experiment = EXPERIMENTS[wildcards.experiment]
    keys = ("grid", "training", "settings")
    return json.dumps({key: experiment[key] for key in keys if key in experiment})


def figure_files(stem):
    """A figure in every format, by the format's name."""
    return {format: f"{stem}.{format}" for format in FORMATS}


def figure_names(per_setting):
    """The figures that are drawn once per setting, or those that are not, as a wildcard's constraint."""
    return "|".join(n for n, spec in FIGURES.items() if spec.per_setting == per_setting)


def figure_tables(wildcards):
    """The tables that a figure is drawn from, by name."""
    spec = FIGURES[wildcards.figure]
    return {table: f"{RESULTS}/{wildcards.experiment}/{table}.parquet" for table in (*spec.needs, *spec.optional)}


def figure_code(wildcards):
    """Hash of the code that a figure depends on."""
    return code_hash(f"figures.{wildcards.figure}", "figures.style")


def all_figures():
    """Every file of every figure that the configuration asks for."""
    files = []
    for name, experiment in EXPERIMENTS.items():
        for figure in experiment.get("figures", []):
            settings = settings_of(experiment) if FIGURES[figure].per_setting else [None]
            for setting in settings:
                stem = figure if setting is None else f"{figure}_{setting}"
                files += figure_files(f"{RESULTS}/figures/{name}/{stem}").values()
    return files
