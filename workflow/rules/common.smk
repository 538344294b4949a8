# What the rules look up in the configuration. Every job of a cluster parses this again: no torch, pandas, matplotlib.
import json
import re
import sys
from importlib import metadata
from pathlib import Path

from mine.experiments import (
    CONTROL,
    expand as planned_runs,
    further_targets,
    kept_steps,
    parse_seeds,
    seed_blocks,
    settings_of,
    tables_of,
    targets,
    training_of,
    training_options,
)
from mine.claims import LEDGERS
from mine.concepts.plan import (
    KNOWN_KEYS as CONCEPTS_KNOWN_KEYS,
    MODEL_KEYS as CONCEPTS_MODEL_KEYS,
    PENALTY_KEYS as CONCEPTS_PENALTY_KEYS,
    Plan as ConceptsPlan,
    job_code_hash as concepts_code_hash,
)
from mine.control.code import encoder_code_hash
from mine.control.settings import options_of as encoder_options
from mine.figures import FIGURES, FORMATS
from mine.provenance import code_hash, data_hash, training_code_hash
from mine.reach.code import cell_code_hash
from mine.reach.methods import METHODS as OWN_METHODS, PEERS as OWN_PEER_NAMES, TASKS as OWN_TASKS
from mine.reach.plan import OWN as OWN_TARGET, Plan as OwnPlan, TABLES as OWN_TABLES, table_of as own_table_of
from mine.search.plan import STAGES as SEARCH_STAGES, Size as SearchSize
from mine.tasks import modules_of

RESULTS = config["results"]
EXPERIMENTS = config["experiments"]
PLANNED = {name: list(planned_runs(experiment)) for name, experiment in EXPERIMENTS.items()}
# Experiments that train encoders; the others train estimators.
ENCODERS = [name for name, experiment in EXPERIMENTS.items() if CONTROL in experiment]
ESTIMATED = [name for name in EXPERIMENTS if name not in ENCODERS]
RUNS = {name: [run.path for run in runs] for name, runs in PLANNED.items()}
# Where environments are made per rule (--sdm conda); otherwise the one that snakemake runs in serves.
CONDA_ENV = "../../environment.yml"
LEDGER_TABLES = ("summary", "evaluations")
FROZEN_TABLES = ("bias", "directions", "identities", "lag")
# Tables that `claims` reads once `snakemake search` has made them, and does not ask for: a search takes hours.
SEARCHED = (
    *("search/plausible", "pictures/summary"),
    *(f"repository-{name}/{table}" for name in ("gaussian", "xor") for table in ("summary", "epochs")),
    "repository-concepts/summary",
    "control/encoders",
    "concepts/penalised",
)
# Tables that the papers' claims are judged by, where `benchmark` has made them; what is not there is not run.
BENCHMARKED = ("staircase/stairs", "own/benchmark", "own/benchmark_diffusion", "own/benchmark_n")
FROZEN_CELL = "dim={dim}/rho={rho}/seed={seed}"
python = sys.executable

# So that `mine` is this interpreter's, also where its environment is not activated.
shell.prefix('set -euo pipefail; mine() {{ {python:q} -m mine "$@"; }}; ')


def one_of(values):
    """A wildcard's constraint: one of these values, as they are. Nothing, not the empty text, where there is none."""
    return "|".join(dict.fromkeys(re.escape(str(value)) for value in values)) or "(?!)"


# What a grid names, and nothing else, is a run: no other spelling of a number, and no text of a shell.
FROZEN = list(planned_runs(config["frozen"])) if "frozen" in config else []
# Where the log of a cell lies below its experiment's.
CELL_LOG = "{setting}/{critic}_{variant}_{task}_{dim}_{truth}"
CELL_WILDCARDS = ("setting", "critic", "variant", "task", "dim", "truth", "seed")


def wildcards_of(runs):
    """Constraints of the wildcards of these runs."""
    return {name: one_of(dict.fromkeys(getattr(run, name) for run in runs)) for name in CELL_WILDCARDS}


ALL_RUNS = [run for runs in PLANNED.values() for run in runs] + FROZEN


wildcard_constraints:
    # A figure of one task has the task's name for its setting.
    **wildcards_of(ALL_RUNS) | {"setting": one_of(name for run in ALL_RUNS for name in (run.setting, run.task))},
    experiment=one_of(EXPERIMENTS),
    rho=one_of(run.rho for run in FROZEN),


def grows(amount):
    """So much of a resource, and as much again with every further attempt: a job that a cluster ended for want of
    memory or time gets more when it is tried again."""
    return lambda wildcards, attempt: amount * attempt


def training_minutes(wildcards, attempt):
    """Minutes for a training job. How long one takes is known to its site, so a profile may say (as default resource
    `training_minutes`, which means nothing to Snakemake)."""
    site = workflow.resource_settings.default_resources or {}
    return attempt * (site["training_minutes"].value if "training_minutes" in site else 120)


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


def control_options(wildcards):
    """Every control setting of an encoder's run, as options of `mine control train`."""
    planned = PLANNED[wildcards.experiment]
    return encoder_options(next(run.control for run in planned if run.setting == wildcards.setting))


def run_files(wildcards):
    """The results files of an experiment."""
    return [f"{RESULTS}/{wildcards.experiment}/runs/{path}" for path in RUNS[wildcards.experiment]]


def runs_for(target):
    """The results files of every experiment that a target makes."""
    return [f"{RESULTS}/{name}/runs/{path}" for name in targets(config, target) for path in RUNS[name]]


def runs_folder(wildcards):
    """The folder of an experiment's results files."""
    return f"{RESULTS}/{wildcards.experiment}/runs"


def grid_json(wildcards):
    """An experiment's part of the configuration, less what only figures need, as a command takes it."""
    experiment = EXPERIMENTS[wildcards.experiment]
    keys = ("grid", "training", "settings", CONTROL)
    return json.dumps({key: experiment[key] for key in keys if key in experiment})


def baseline_table(wildcards):
    """The table of an experiment's baselines, where it has some."""
    has_some = "baselines" in EXPERIMENTS[wildcards.experiment]
    return [f"{RESULTS}/{wildcards.experiment}/baselines.parquet"] if has_some else []


def baselines_code(wildcards):
    """Hash of the code that an experiment's baselines depend on."""
    tasks = dict.fromkeys(run.task for run in PLANNED[wildcards.experiment])
    return code_hash("commands.baselines", *(f"tasks.{module}" for task in tasks for module in modules_of(task)))


def table_options(wildcards, input, output):
    """The tables that `mine collect` is to write, and baselines that it is to read, as its options."""
    files = [*output.items(), *((name, path) for name, path in input.items() if name != "runs" and path)]
    return [part for name, path in files for part in (f"--{name}", str(path))]


def figure_files(stem):
    """A figure in every format, by the format's name."""
    return {format: f"{stem}.{format}" for format in FORMATS}


def figure_names(per_setting):
    """The figures that are drawn once per setting, or those that are not, as a wildcard's constraint."""
    chosen = [n for n, spec in FIGURES.items() if spec.of == "experiment" and spec.per_setting == per_setting]
    return "|".join(chosen)


def figure_tables(wildcards):
    """The tables that a figure is drawn from, by name."""
    spec = FIGURES[wildcards.figure]
    return {table: f"{RESULTS}/{wildcards.experiment}/{table}.parquet" for table in (*spec.needs, *spec.optional)}


def figure_code(wildcards):
    """Hash of the code that a figure depends on."""
    return code_hash(f"figures.{wildcards.figure}", "figures.style")


def stems_of(figure, experiment):
    """File names, without ending, of a figure of an experiment: one, or one a setting or a task."""
    spec, grid = FIGURES[figure], EXPERIMENTS[experiment]["grid"]
    if not spec.per_setting:
        return [figure]
    shown = grid.get("task", []) if spec.per == "task" else settings_of(EXPERIMENTS[experiment])
    return [f"{figure}_{name}" for name in shown]


def figures_for(target):
    """Every file of every figure that the configuration asks for, of the experiments that a target makes."""
    files = []
    for name in targets(config, target):
        for figure in EXPERIMENTS[name].get("figures", []):
            for stem in stems_of(figure, name):
                files += figure_files(f"{RESULTS}/figures/{name}/{stem}").values()
    return files


def tables_for(target, tables=None):
    """The tables of every experiment that a target makes; of them those that are named, where some are."""
    return [
        f"{RESULTS}/{name}/{table}.parquet"
        for name in targets(config, target)
        for table in tables_of(EXPERIMENTS[name])
        if tables is None or table in tables
    ]


def frozen_files(pattern):
    """One file a kept run, by a pattern with {dim}, {rho} and {seed}; none where no critics are to be kept."""
    return [pattern.format(dim=run.dim, rho=run.rho, seed=run.seed) for run in FROZEN]


def frozen_tables():
    """The tables of the frozen critics."""
    return [f"{RESULTS}/frozen/{table}.parquet" for table in FROZEN_TABLES] if "frozen" in config else []


def ledger_tables(wildcards):
    """What the ledger is made from: the tables of `all`, and in full also those of the frozen critics.

    The papers' needs none, and is made anew where one of BENCHMARKED was.
    """
    if wildcards.scope == "papers":
        return [path for table in BENCHMARKED if Path(path := f"{RESULTS}/{table}.parquet").exists()]
    optimal = [f"{RESULTS}/{name}/optimal.parquet" for name in targets(config, "all") if draws_optimal(name)]
    return [*tables_for("all", LEDGER_TABLES), *optimal, *(frozen_tables() if wildcards.scope == "full" else [])]


def ledger_modules(wildcards):
    """The modules of a ledger's claims."""
    return LEDGERS["papers" if wildcards.scope == "papers" else "write-up"]


def searched_tables(wildcards):
    """Of SEARCHED those that there are, for the full ledger; an input, so that a search made anew makes it anew."""
    paths = [f"{RESULTS}/{table}.parquet" for table in SEARCHED] if wildcards.scope == "full" else []
    return [path for path in paths if Path(path).exists()]


def ledger_options(wildcards, input):
    """Which ledger it is, or what keeps it from tables that are no input of it: it must not depend on them."""
    if wildcards.scope == "papers":
        return "--ledger papers"
    folders = [Path(table).parts[0] for table in SEARCHED if f"{RESULTS}/{table}.parquet" not in list(input)]
    if wildcards.scope == "runs":
        folders.append("frozen")
    return " ".join(f"--without {folder}" for folder in folders)


def draws_optimal(experiment):
    """Whether an experiment's figures show the optimal critic."""
    return "final_values" in EXPERIMENTS[experiment].get("figures", [])


def claim_figure_tables(wildcards):
    """The tables that a figure of the claims is drawn from, by name."""
    spec = FIGURES[wildcards.figure]
    folder = {"claims": f"{RESULTS}/claims/full", "frozen": f"{RESULTS}/frozen"}[spec.of]
    return {table: f"{folder}/{table}.parquet" for table in spec.needs}


def fullest_ledger():
    """The scope of the ledger that pages show: the full one once `claims` has made it, so that they and it agree."""
    return "full" if Path(f"{RESULTS}/claims/full/claims.parquet").exists() else "runs"


def claim_figures():
    """Every file of the figures of the claims; without frozen critics only the ledger's."""
    names = [n for n, spec in FIGURES.items() if spec.of == "claims" or (spec.of == "frozen" and "frozen" in config)]
    return [file for name in names for file in figure_files(f"{RESULTS}/figures/claims/{name}").values()]
