"""What the workflow would run: dry runs, style, the picture, and configurations that are refused."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_published_configuration_plans_a_job_for_every_block_of_seeds(project):
    from mine.config import load_config
    from mine.experiments import expand, parse_seeds, seed_blocks, settings_of, targets

    config = load_config(ROOT / "config" / "config.yaml")
    experiments = {name: config["experiments"][name] for name in targets(config, "all")}
    others = {config["experiments"][name]["target"] for name in set(config["experiments"]) - set(experiments)}
    assert others == {"phase", "benchmark", "benchmark-all-pairs", "repository", "control", "control-full"}
    expected = {"collect": len(experiments), "ledger": 1}
    for name, experiment in experiments.items():
        seeds = parse_seeds(experiment["grid"]["seeds"])
        cells = len(list(expand(experiment))) // len(seeds)
        expected[f"train_{name}"] = cells * len(seed_blocks(seeds, config["runs_per_job"]))
    figures = [(figure, e) for e in experiments.values() for figure in e["figures"]]
    per_setting = [len(settings_of(e)) for figure, e in figures if figure in ("estimate", "gradient_norm")]
    expected["figure_of_setting"] = sum(per_setting)
    expected["figure"] = len(figures) - len(per_setting)
    expected["optimal"] = sum(figure == "final_values" for figure, _ in figures)

    assert project.planned(configfile=None) == expected


@pytest.fixture(scope="module")
def smoke(copied):
    """What a dry run of the smoke configuration says."""
    return copied.snakemake("--dry-run", configfile="config/smoke.yaml")


def test_smoke_configuration_stands_alone(project, smoke):
    assert project.jobs_of(smoke) == {
        "train_pictures": 4,
        "train_writeup": 16,
        "train_ablation": 10,
        "train_smoothing": 4,
        "train_finite-data": 4,
        "train_start": 2,
        "train_independent": 4,
        "train_ceiling": 2,
        "train_remedies": 4,
        "optimal": 3,
        "collect": 9,
        "figure": 15,
        "figure_of_setting": 6,
        "ledger": 1,
    }
    made = re.findall(r"^ +(?:output|log|benchmark): (.*)$", smoke.stdout + smoke.stderr, re.M)
    paths = [path for line in made for path in line.split(", ")]
    assert paths
    assert all(path.startswith("results/smoke/") for path in paths)


def test_targets_of_their_own(project):
    phase = project.planned("phase", configfile="config/smoke.yaml")
    assert phase == {"train_phase": 8, "collect": 1, "figure": 1}
    claims = project.planned("claims", configfile="config/smoke.yaml")
    frozen = {name: count for name, count in claims.items() if name.startswith("frozen")}
    assert frozen == {"frozen_train": 1, "frozen_measure": 2, "frozen_lag": 2, "frozen_gather": 4}
    assert claims["ledger"] == 2, "the write-up's and the papers'"
    assert claims["claims_figure"] == 4
    assert "train_phase" not in claims


def test_a_target_may_have_any_name_but_a_rule_s(project):
    from mine.experiments import RULE_PREFIXES, RULES

    project.experiment["target"] = "my-own"
    assert project.planned("my-own") == {"train_tiny": 4, "collect": 1, "figure": 1, "figure_of_setting": 1}
    listed = project.snakemake("--list").stdout.split()
    known = {"all", "my-own", *RULES}
    assert {rule for rule in listed if not rule.startswith(RULE_PREFIXES)} == known


def test_the_search_is_a_chain_whose_first_stages_are_trained_first(project):
    from mine.publish import SEARCH_TABLES
    from mine.search.plan import STAGES

    project.config["search"] = {"shapes": 1, "epochs": 4, "chunks": 3}
    done = project.snakemake("--dry-run", "search")
    jobs = project.jobs_of(done)
    trained = {f"search_{stage}": 3 for stage in STAGES}
    assert jobs == trained | {"search_plan": len(STAGES), "search_judge": 1, "search_figure": 1, "search": 1}

    text = done.stdout + done.stderr
    blocks = re.findall(r"^(?:local)?rule (search_\w+):\n(.*?)\n\n", text, re.S | re.M)
    priorities = {rule: int(found[1]) for rule, block in blocks if (found := re.search(r"priority: (\d+)", block))}
    falling = [priorities[rule] for rule in trained]
    assert falling == sorted(set(falling), reverse=True), "what others wait for comes first"
    assert min(falling) > 0
    assert priorities["search_plan"] > max(falling)
    judge = next(block for rule, block in blocks if rule == "search_judge")
    assert set(re.findall(r"results/search/(\w+)\.parquet", judge)) == set(SEARCH_TABLES)
    # A stage is planned by the runs of those before it, and no run of the search is asked for by anything else.
    plans = {re.search(r"plans/(\w+)\.json", block)[1]: block for rule, block in blocks if rule == "search_plan"}
    for stage, before in STAGES.items():
        inputs = plans[stage].partition("output:")[0]
        assert set(re.findall(r"runs/(\w+)/\d\.parquet", inputs)) == set(before), stage


def test_own_is_a_job_a_method_task_and_block_of_draws(project):
    tasks = ["1v1-normal-0.75", "multinormal-dense-2-2-0.5"]
    project.config["own"] = {"rows": [200], "draws": 3, "draws_per_job": 2, "tasks": tasks, "nulls": ["groups"]}
    # Of a task two jobs a method, and three of the cross-fitted, a draw each.
    jobs = project.planned("own")
    assert jobs == {"own_cell": 18, "own_null": 4, "own_judge": 1, "own_figure": 1, "own": 1}


def test_concepts_are_jobs_of_known_leakage_models_and_penalties(project):
    project.config["concepts"] = {"rows": [200, 300], "draws": {"js": 3, "neighbours": 2}, "draws_per_job": 2}
    project.config["concepts"] |= {"scenarios": ["xor-label"], "data": ["xor", "digits"], "concept_weights": [0.1, 1]}
    project.config["concepts"] |= {"penalties": ["biased", "ema"], "penalised_data": ["xor-withheld"]}
    jobs = project.planned("concepts")
    # Two rows of two and one job; two data of hard, sequential and two joint; two estimators.
    assert jobs == {
        "concepts_known": 6,
        "concepts_models": 8,
        "concepts_penalised": 2,
        "concepts_judge": 1,
        "concepts_figure": 3,
        "concepts": 1,
    }


def test_nothing_asks_for_own_concepts_or_the_search(project):
    for target in ("own", "concepts", "search"):
        project.config[target] = {}
    assert not [rule for rule in project.planned() if rule.startswith(("own", "concepts", "search"))]


def test_pages_show_the_full_ledger_once_there_is_one(project):
    ledgers = ["results/claims/runs/claims.parquet", "results/claims/full/claims.parquet"]
    for shown in ledgers:
        done = project.snakemake("--dry-run", "results/explore.html")
        explore = re.search(r"^(?:local)?rule explore:\n(.*?)\n\n", done.stdout + done.stderr, re.S | re.M)[1]
        assert re.findall(r"[^ ]+/claims\.parquet", explore.partition("output:")[0]) == [shown]
        (project.folder / ledgers[1]).parent.mkdir(parents=True, exist_ok=True)
        (project.folder / ledgers[1]).touch()


def test_the_papers_ledger_is_made_of_what_the_benchmark_left(project):
    made = project.folder / "results/own/benchmark.parquet"
    made.parent.mkdir(parents=True)
    made.touch()
    done = project.snakemake("--dry-run", "results/claims/papers/claims.parquet")
    assert project.jobs_of(done) == {"ledger": 1}
    block = re.search(r"^(?:local)?rule ledger:\n(.*?)\n\n", done.stdout + done.stderr, re.S | re.M)[1]
    assert re.findall(r"results/\w+/[\w-]+\.parquet", block.partition("output:")[0]) == [
        "results/own/benchmark.parquet"
    ]


def test_a_configuration_without_experiments_inherits_none(project):
    project.config = {"results": "elsewhere"}
    done = project.snakemake("--dry-run")
    assert done.returncode == 2
    assert "experiments: missing" in done.stderr


def test_one_run_a_job_is_a_job_a_seed(project):
    assert project.planned("--config", "runs_per_job=1")["train_tiny"] == 8


def test_the_gpu_profile_trains_all_seeds_of_a_cell_in_one_job_on_the_gpu(project):
    project.experiment["grid"]["seeds"] = "0-25"
    done = project.snakemake("--dry-run", "--workflow-profile", "workflow/profiles/gpu")
    assert project.jobs_of(done)["train_tiny"] == 4  # cells
    text = done.stdout + done.stderr
    commands = re.findall(r"mine train .*--seed (\S+) .*--device (\S+) ", text)
    assert set(commands) == {("0-25", "cuda")}
    assert text.count("gpu=1,") == 4


def test_the_first_experiment_is_trained_first(project):
    other = {**project.experiment, "figures": []}
    project.config["experiments"] = {"second": other, "first": other}
    done = project.snakemake("--dry-run")
    order = re.findall(
        r"^rule train_(\w+)_seeds_0_to_1:.*?^    priority: (\d+)", done.stdout + done.stderr, re.S | re.M
    )
    assert {("second", "2"), ("first", "1")} == set(order)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["training"].update(learning_rat=1), "experiments.tiny.training.learning_rat: unknown key"),
        (lambda e: e["grid"].update(rho=[0.9, 1.0]), "experiments.tiny.grid.rho[1]: 1.0 is not allowed"),
        (lambda e: e["training"].update(data=10), "experiments.tiny: data: 10 is not a whole number of at least 32"),
        (lambda e: e.update(settings={"$(touch x)": {}}), "experiments.tiny.settings.$(touch x): "),
    ],
)
def test_a_wrong_configuration_stops_before_any_job_in_one_line(project, change, message):
    change(project.experiment)
    done = project.snakemake()
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "profile" not in line]
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"mine: error: tiny.yaml: {message}")
    assert done.stdout == ""
    assert not (project.folder / "results").exists()
    assert not list((project.folder / ".snakemake" / "locks").glob("*"))


def test_a_key_that_stands_twice_is_refused(project):
    (project.folder / "twice.yaml").write_text("results: a\nresults: b\n")
    done = project.snakemake(configfile="twice.yaml")
    assert done.returncode == 2
    assert "twice.yaml:2: not a valid configuration: key 'results' stands twice" in done.stderr


def test_every_rule_states_what_it_takes(smoke):
    text = smoke.stdout + smoke.stderr + "\n\n"
    blocks = re.findall(r"^(?:local)?rule (?!all|claims:|phase:)\w.*?\n\n", text, re.S | re.M)
    assert blocks
    for block in blocks:
        for part in ("output: ", "log: ", "benchmark: ", "gpu=0", "mem_mb=", "runtime="):
            assert part in block, block


def test_snakemake_lint_finds_nothing(project):
    done = project.snakemake("--lint", configfile=None)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Congratulations" in done.stdout + done.stderr


def test_snakefmt_finds_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_rules_import_nothing_heavy():
    imports = (
        "import sys, mine.claims, mine.config, mine.experiments, mine.figures, mine.provenance;"
        "print(sorted({'torch', 'pandas', 'matplotlib', 'numpy', 'scipy'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", imports], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_picture_of_the_pipeline_is_up_to_date(project):
    done = project.snakemake("--rulegraph", "mermaid-js", configfile="config/smoke.yaml")
    assert done.returncode == 0, done.stderr
    assert (ROOT / "docs" / "pipeline.mmd").read_text() == picture(done.stdout), (
        "docs/pipeline.mmd should be:\n" + picture(done.stdout)
    )


def picture(rulegraph: str) -> str:
    """Snakemake's rule graph without colours, in an order of its own, since Snakemake's changes from call to call.

    `all` asks for runs and tables too; what reaches it through a figure has no arrow of its own.
    """
    rules = {
        key: re.sub(r"_seeds_.*|(?<=^collect)_.*", "", name)
        for key, name in re.findall(r"^\s*(id\d+)\[(.*)\]$", rulegraph, re.M)
    }
    edges = {(rules[a], rules[b]) for a, b in re.findall(r"^\s*(id\d+) --> (id\d+)$", rulegraph, re.M)}
    inner = {a for a, b in edges if b != "all"}
    shown = sorted((a, b) for a, b in edges if b != "all" or a not in inner)
    lines = [f"    {name}[{name.replace('_', ' ')}]" for name in sorted(set(rules.values()))]
    return "\n".join(["flowchart LR", *lines, *(f"    {a} --> {b}" for a, b in shown)]) + "\n"


@pytest.mark.parametrize(
    "target",
    [
        "results/tiny/runs/setting=base/critic=concat/variant=ema/task=gaussian/dim=1/rho=0.90/seed=0.parquet",
        "results/tiny/runs/setting=base/critic=concat/variant=ema/task=gaussian/dim=1/rho=$(touch x)/seed=0.parquet",
        "results/figures/claims/staircase.svg",
    ],
)
def test_what_no_grid_names_is_no_target(project, target):
    done = project.snakemake("--dry-run", target, "--")
    assert done.returncode != 0
    assert "No rule to produce" in done.stdout + done.stderr
    assert "KeyError" not in done.stdout + done.stderr
    assert not (project.folder / "x").exists()
