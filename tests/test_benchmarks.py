"""The benchmarks' arithmetic and pages, and that each contender of ours does the work. No timing is asserted."""

import copy
import importlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from snakemakes import snakemake

import collecting
import page
import planning
import processes
import profiled
import speed
import stacked
import startup
from mine.commands.train import STACK
from mine.engine import loop, stack
from mine.engine.runs import gaussian_runs, train_runs
from mine.settings import TrainingSettings

ROOT = Path(__file__).parents[1]

SMALL = {"wall": 9.0, "cpu": 8.0, "peak_mb": 300.0}
MACHINE = {"cpu": "A", "cores": 2, "python": "3.11.2", "torch": "2.13.0"}


def contender(label, ms, **rest):
    return {"label": label, "copies": 2, "ms": ms, "whole_ms": ms, "start_seconds": [30.0, 3.0, 3.0],
            "estimates": [3.0, 3.2], "peak_mb": 300.0, **rest}  # fmt: skip


def made(**changes):
    """Results of a run that reached every aim, in which the machine was half as fast in the second round."""
    contenders = {
        "plain": contender("plain loop", [1.5, 3.0, 1.5]),
        "torch-mist": contender("torch-mist", [1.6, 3.2, 1.6]),
        "benchmark-mi": contender("benchmark-mi", [8.0, 16.0, 8.0]),
        "stack-1": contender("ours, alone", [0.75, 1.5, 0.75]),
        "stack-5": contender("ours, stack of 5", [0.5, 1.0, 0.5], start_seconds=[1.0, 1.0, 1.0]),
        "compiled": contender("compiled", [0.55, 1.1, 0.55]),
        "one-core": contender("one core", [0.45, 0.9, 0.45], copies=1),
        "floor": contender("floor", [0.3, 0.6, 0.3], estimates=[]),
    }
    family = {
        "nwj-1": contender("NWJ, ours, alone", [2.0, 4.0, 2.0]),
        "nwj-5": contender("NWJ, ours, stack of 5", [1.0, 2.0, 1.0]),
        "nwj-torch-mist": contender("NWJ, torch-mist", [4.0, 8.0, 4.0]),
        "smile-torch-mist": {"label": "SMILE, torch-mist", "error": "not measured: why"},
        "floor": contender("products", [0.5, 1.0, 0.5], estimates=[]),
    }
    data = {
        "speed": {"steps": 1000, "default_stack": 5, "truth": 4.15, "contenders": contenders},
        "family": {"steps": 1000, "default_stack": 5, "truth": 2.88, "contenders": family},
        "profile": {
            "stack": 5, "products": 0.7, "operations": [{"operation": "aten::bmm", "share": 0.7, "calls": 3.0}],
        },
        "gpu": None,
        "startup": {
            "smoke": {"wall": 60.0, "cpu": 110.0, "peak_mb": 300.0}, "jobs": {"train": 10},
            "import_cpu": {"train": 1.0},
            "snakemake_cpu": 1.0, "share": 0.1 - 1e-9, "published_jobs": {"jobs": 94, "seconds": 2400},
            "published_share": 0.04,
        },
        "collect": [
            {"layout": layout, "runs": runs, "cells": 1, "wall": 0.005 * runs, "cpu": 1.0, "peak_mb": 400.0}
            for layout in ("100 cells", "one cell") for runs in (100, 1_000, 10_000)
        ],
        "planning": {
            "runs": 10_000, "cells": 100,
            "plans": [
                {"runs_per_job": size, "jobs": {"train": 10_000 // size, "collect": 1}, **SMALL} for size in (20, 1)
            ],
            "finished": {"jobs": {}, **SMALL},
            "one_more": {"jobs": {"train": 100, "collect": 1}, "own": 100, "other": 0, **SMALL},
            "status": SMALL,
        },
    }  # fmt: skip
    results = {
        name: {"data": each, "machine": MACHINE, "commit": {"sha": "a" * 40, "dirty": False}, "seconds": 1}
        for name, each in data.items()
    }
    for path, value in changes.items():
        *parents, last = path.split(".")
        target = results
        for parent in parents:
            target = target[int(parent) if isinstance(target, list) else parent]
        target[last] = value
    return copy.deepcopy(results)


def reached(results):
    return {name: verdict for name, *_, verdict in page.aims(results)}


def test_ratios_are_taken_round_by_round():
    contenders = made()["speed"]["data"]["contenders"]
    assert page.ratios(contenders, "plain", "stack-5") == [3.0, 3.0, 3.0]
    assert page.spread([3.0, 2.0, 4.0]) == "3.00 [2.00, 4.00]"
    assert page.scaling(contenders, "stack-5") == pytest.approx([1.8, 1.8, 1.8])


@pytest.mark.parametrize(
    ("change", "aim"),
    [
        ({"speed.data.contenders.plain.ms": [1.2, 2.4, 1.2]}, "stack, × plain loop"),
        ({"speed.data.contenders.floor.ms": [0.2, 0.4, 0.2]}, "stack, × the matrix products' time"),
        ({"speed.data.contenders.stack-1.ms": [1.1, 2.2, 1.1]}, "alone, × plain loop"),
        ({"speed.data.contenders.torch-mist.ms": [0.9, 1.8, 0.9]}, "stack, × torch-mist"),
        ({"speed.data.contenders.benchmark-mi.ms": [5.0, 10.0, 5.0]}, "stack, × benchmark-mi"),
        ({"speed.data.contenders.one-core.ms": [0.4, 0.8, 0.4]}, "all cores, × one core"),
        ({"startup.data.published_share": 0.11}, "start-up, share of the CPU time, published run"),
        ({"startup.data.share": 0.2}, "start-up, share of the CPU time, smoke"),
        (
            {"collect.data": [*made()["collect"]["data"][:-1], {**made()["collect"]["data"][-1], "peak_mb": 1500.0}]},
            "`mine collect`, peak memory",
        ),
        (
            {"collect.data": [*made()["collect"]["data"][:-1], {**made()["collect"]["data"][-1], "wall": 90.0}]},
            "`mine collect`, time a run from 1,000 to 10,000 runs",
        ),
        ({"planning.data.plans.1.wall": 31.0}, "10,000 runs, dry run"),
        ({"planning.data.finished.wall": 31.0}, "10,000 runs, dry run"),
        ({"planning.data.plans.1.peak_mb": 501.0}, "10,000 runs, peak memory"),
        ({"planning.data.status": {**SMALL, "wall": 31.0}}, "10,000 runs, `mine status`"),
        ({"planning.data.one_more.other": 1}, "one seed more, training jobs beside its own"),
        ({"planning.data.one_more.own": 0}, "one seed more, training jobs beside its own"),
    ],
)
def test_every_aim_can_be_missed(change, aim):
    good, bad = reached(made()), reached(made(**change))
    assert good.pop("GPU, best stack, × the matrix products' time") is None
    assert all(good.values())
    assert [name for name in good if not bad[name]] == [aim]
    assert "**no**" in page.aims_table(made(**change))


def test_what_was_not_measured_is_called_so():
    parts = page.sections({})
    assert parts.keys() == {
        "speed", "family", "gpu", "profile", "startup", "collect", "planning", "aims", "compile",
    }  # fmt: skip
    assert all("not measured" in text.lower() for text in parts.values())
    gone = made(**{"speed.data.contenders.torch-mist": {"label": "torch-mist", "error": "not measured: why"}})
    assert reached(gone)["stack, × torch-mist"] is None
    assert "| torch-mist | not measured: why |" in page.sections(gone)["speed"]
    assert "| torch-mist | not measured |" in page.short_table(gone)
    assert page.sections(gone)["gpu"].startswith("Not measured.")


def test_other_estimators_stand_against_the_floor_and_against_ours():
    table = page.sections(made())["family"]
    assert "| NWJ, torch-mist | 4.000 [4.000, 8.000] | 8.00 [8.00, 8.00] | 4.00 [4.00, 4.00] | 3.10" in table
    assert "| SMILE, torch-mist | not measured: why |" in table
    assert "| products | 0.500 [0.500, 1.000] | 1.00 [1.00, 1.00] |  |  | 300 |" in table
    assert "truth 2.88" in table


def test_a_gpu_is_judged_by_its_best_stack():
    contenders = {"plain": contender("plain", [2.0])}
    for size, ms in ((1, 1.0), (64, 0.02), (4096, 0.01)):
        contenders[f"stack-{size}"] = contender("ours", [ms])
        contenders[f"floor-{size}"] = contender("floor", [ms / 3])
    results = made(**{"gpu.data": {"steps": 1000, "name": "A GPU", "contenders": contenders}})
    assert reached(results)["GPU, best stack, × the matrix products' time"]
    assert (
        "| 4,096 | 0.0100 [0.0100, 0.0100] | 0.0033 [0.0033, 0.0033] | 3.00 [3.00, 3.00] | 200.00"
        in (page.sections(results)["gpu"])
    )


def test_the_start_of_torch_compile_is_split_into_cold_and_warm():
    text = page.compile_text(made())
    assert "29 s more with nothing cached" in text
    assert "2.0 s [2.0, 2.0] more from a cache" in text
    assert "1.10 [1.10, 1.10] times" in text


def test_pages_change_only_between_their_markers(tmp_path):
    text = "before\n<!-- made: a -->\nold\n<!-- end: a -->\nafter\n"
    assert page.filled(text, {"a": "new"}) == "before\n<!-- made: a -->\nnew\n<!-- end: a -->\nafter\n"
    with pytest.raises(ValueError, match="made: b"):
        page.filled(text, {"b": "new"})


def test_the_committed_pages_are_made_from_the_committed_results():
    results = page.load(ROOT / "benchmarks/results.json")
    for path, text in page.pages(results, ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run benchmarks/bench.py --page"


def test_a_round_measures_every_copy_and_names_what_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(speed, "CONTENDERS", tmp_path)
    (tmp_path / "good.py").write_text(
        "import json, sys\n"
        "seed, long = sys.argv[sys.argv.index('--seed') + 1], int(sys.argv[sys.argv.index('--long') + 1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(json.dumps(dict(first_seconds=1, short_seconds=1, long_seconds=5, short=10, long=long, runs=2,"
        " estimate=float(seed), peak_mb=9)))\n"
    )
    (tmp_path / "bad.py").write_text("raise SystemExit('no such thing')\n")
    contenders = [
        speed.Contender("good", "good", "good.py", copies=2),
        speed.Contender("bad", "bad", "bad.py", copies=1),
        speed.Contender("absent", "absent", "good.py", python=tmp_path / "python"),
    ]
    measured = speed.compete(contenders, rounds=2, steps=100, say=lambda text: None)
    assert measured["good"]["ms"] == [20.0, 20.0]  # 4 s for 100 updates of 2 critics
    assert measured["good"]["estimates"] == [0.0, 1.0, 2.0, 3.0]
    assert measured["bad"] == {"label": "bad", "error": "not measured: no such thing"}
    assert measured["absent"]["error"].startswith("not measured: its environment")


@pytest.fixture
def measured_here(monkeypatch, capsys):
    """What a contender of ours prints after ten updates more, run in this process: one less that imports torch."""

    def run(contender):
        script = importlib.import_module(Path(contender.script).stem)
        words = [contender.script, *contender.options, "--short", "1", "--long", "11"]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        script.main()
        ready, measured = capsys.readouterr().out.splitlines()
        assert ready == "ready"
        return json.loads(measured)

    return run


def test_every_contender_of_ours_trains(measured_here):
    """A few updates of each script that needs nothing but this project; torch.compile is left to the benchmark."""
    everyone = {each.name: each for each in speed.cpu_contenders(STACK["cpu"], "unused")}
    for name in ("plain", "floor"):
        measured = measured_here(everyone[name])
        assert measured["long"] - measured["short"] == 10
        assert (measured["estimate"] is None) == (name == "floor")
    # And one in a process of its own, as all are timed.
    one = speed.Contender(**{**vars(everyone["evaluated"]), "copies": 1})
    (measured,) = speed.run_copies(one, steps=10, seed=0)
    assert measured["long"] - measured["short"] == 10
    assert measured["estimate"] is not None
    assert {each.python for each in everyone.values() if "peer" not in each.script} == {Path(sys.executable)}


def test_every_other_estimator_trains_and_has_its_floor_and_its_peers(measured_here):
    everyone = {each.name: each for each in speed.family_contenders(2)}
    for name in ("nwj-1", "smile-2", "infonce-2", "floor"):
        measured = measured_here(everyone[name])
        assert measured["runs"] == (1 if name == "nwj-1" else 2)
        assert (measured["estimate"] is None) == (name == "floor")
    assert {name for name in everyone if "mi" in name.split("-")} == {"nwj-benchmark-mi", "infonce-benchmark-mi"}
    assert everyone["smile-torch-mist"].options == ("--variant", "smile")


@pytest.mark.parametrize(("variant", "critic"), [("ema", "concat"), ("tuba", "separable"), ("doe-gaussian", "density")])
def test_the_autograd_engine_takes_the_same_path(monkeypatch, variant, critic):
    settings = TrainingSettings(steps=20, batch_size=32, hidden=16, activation="tanh", eval_every=100)
    runs = gaussian_runs(2, 0.9, [0, 1])
    ours = train_runs(variant, critic, runs, settings, judged=False)
    monkeypatch.setattr(stack, "Passes", stacked.AutogradPasses)
    for one, other in zip(ours, train_runs(variant, critic, runs, settings, judged=False), strict=True):
        np.testing.assert_allclose(one.columns["mi_batch"], other.columns["mi_batch"], rtol=1e-3, atol=1e-5)
        assert not torch.equal(one.parameters, torch.zeros_like(one.parameters))


def test_what_the_engines_replace_is_what_training_calls(monkeypatch):
    used = []

    class Passes(stacked.AutogradPasses):
        def __init__(self, *arguments):
            used.append("passes")
            super().__init__(*arguments)

    monkeypatch.setattr(stack, "Passes", Passes)
    monkeypatch.setattr(loop, "replayable", lambda update, device: used.append("replayable") or update)
    train_runs("ema", "concat", gaussian_runs(1, 0.5, [0]), TrainingSettings(steps=3), judged=False)
    assert set(used) == {"passes", "replayable"}


def test_the_profile_names_what_an_update_spends(capsys):
    profiled.main(stack=2, steps=10)
    measured = json.loads(capsys.readouterr().out)
    assert 0 < measured["products"] < 1
    assert sum(row["share"] for row in measured["operations"]) <= 1


def test_collect_is_measured_on_files_that_it_accepts(monkeypatch):
    assert {name: len(cells) for name, cells in collecting.LAYOUTS.items()} == {"100 cells": 100, "one cell": 1}
    few = {"4 cells": [(1, 0.5), (1, 0.9), (2, 0.5), (2, 0.9)], "one cell": collecting.CELLS[:1]}
    monkeypatch.setattr(collecting, "LAYOUTS", few)
    rows = collecting.measure_collect(sizes=(4, 8), steps=20, say=lambda text: None)
    assert [(row["layout"], row["runs"], row["cells"]) for row in rows] == [
        ("4 cells", 4, 4), ("4 cells", 8, 4), ("one cell", 4, 1), ("one cell", 8, 1),
    ]  # fmt: skip
    assert all(row["peak_mb"] > 0 for row in rows)
    assert json.dumps(rows)


def test_a_process_is_measured_without_the_one_that_started_it(tmp_path):
    def measured(program):
        return processes.measure([sys.executable, "-c", program], tmp_path / "log", tmp_path)

    small = measured("print('here')")  # this process has torch loaded
    assert (tmp_path / "log").read_text() == "here\n"
    assert 0 < small.peak_mb < 60
    large = measured("x = bytearray(200_000_000)")
    assert 200 < large.peak_mb < 260
    assert measured("import time; time.sleep(0.5)").wall > 0.5
    with pytest.raises(RuntimeError, match=r"exit 3: no$"):
        measured("print('no'); raise SystemExit(3)")


def test_planning_is_measured_on_runs_that_the_workflow_takes_for_finished(monkeypatch):
    measure, usages = planning.measure, []

    def with_snakemake_imported_once(command, log, cwd):
        if command[1:3] != ["-m", "snakemake"]:
            return measure(command, log, cwd)
        done = snakemake(command[3:], cwd, {**os.environ, "PYTHONPATH": str(ROOT / "src")}, timeout=500)
        assert done.returncode == 0, done.stderr
        log.write_text(done.stdout + done.stderr)
        usages.append(processes.Usage(wall=1.0 + len(usages), cpu=1.0, peak_mb=10.0))
        return usages[-1]

    monkeypatch.setattr(planning, "measure", with_snakemake_imported_once)
    measured = planning.measure_planning(runs=4, cells=[(1, 0.5), (1, 0.9)], runs_per_job=(2,), say=lambda text: None)
    assert (measured["runs"], measured["cells"]) == (4, 2)
    (plan,) = measured["plans"]
    assert plan["jobs"] == {"train_many_seeds_0_to_1": 2, "collect_many": 1, "ledger": 1}
    assert measured["finished"]["jobs"] == {}
    more = measured["one_more"]
    assert more["jobs"] == {"train_many_seeds_2": 2, "collect_many": 1, "ledger": 1}
    assert (more["own"], more["other"]) == (2, 0)
    planned, _touched, again, further = usages
    for row, usage in ((plan, planned), (measured["finished"], again), (more, further)):
        assert vars(usage).items() <= row.items()
    assert measured["status"]["wall"] > 0
    assert measured["status"]["peak_mb"] > 0
    assert json.dumps(measured)


@pytest.mark.parametrize("modules", startup.IMPORTS.values(), ids=startup.IMPORTS)
def test_what_start_up_imports_is_there(modules):
    for name in modules.split(", "):
        importlib.import_module(name)
