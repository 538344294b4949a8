"""Figures against the tables they are drawn from: what the artists hold, what the words say, what the files are."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from mine.cli import main
from mine.errors import UserError
from mine.figures import FIGURES, common, figure, style
from mine.figures.divergence import survival
from mine.figures.sweep import swept_field
from mine.settings import TrainingSettings
from mine.statistics import mean_interval, share_interval

WRITEUP = {"permutation": {"product": "permutation"}, "derangement": {"product": "derangement"}}
NULLABLE = ("overflow_step", "runaway_step", "diverged_step")


def make_tables(
    *,
    settings=None,
    variants=("biased", "ema"),
    dims=(1, 5),
    rhos=(0.9, 0.99),
    seeds=4,
    steps=60,
    overflows=lambda variant, dim, rho, seed: variant == "biased" and dim == 5 and rho > 0.95,
    runaways=lambda variant, dim, rho, seed: variant == "biased" and dim == 5 and seed == 0,
    ess=1000.0,
):
    """Summary, curves and optimal as ``mine collect`` writes them, of made runs that rise to the truth.

    A run overflows at update 40 + seed, or runs away at update 30, where the functions say so.
    """
    runs, curves, optimal = [], [], []
    step = np.arange(1, steps + 2)
    for name, overrides in (settings or WRITEUP).items():
        training = TrainingSettings(**{"steps": steps, "eval_every": 10, **overrides})
        for variant in variants:
            for dim in dims:
                for rho in rhos:
                    truth = -dim / 2 * np.log(1 - rho**2)
                    batch, norms = [], []
                    for seed in range(seeds):
                        rng = np.random.default_rng([seed, dim, int(100 * rho), len(variant)])
                        values = truth * (1 - np.exp(-step / 10)) + 0.05 * rng.normal(size=step.size)
                        norm = 3 * np.exp(0.3 * rng.normal(size=step.size))
                        over = 40 + seed if overflows(variant, dim, rho, seed) else None
                        away = 30 if runaways(variant, dim, rho, seed) else None
                        if over or away:
                            values[29:] += np.arange(step.size - 29) ** 2
                            norm[29:] *= 100
                        if over:
                            values[over - 1 :] = norm[over - 1 :] = np.nan
                        norm[-1] = np.nan
                        batch.append(values)
                        norms.append(norm)
                        first = min((event for event in (over, away) if event), default=None)
                        final = truth - 0.3 + 0.02 * rng.normal()
                        runs.append(
                            {
                                "experiment": "made",
                                "setting": name,
                                "variant": variant,
                                "dim": dim,
                                "rho": rho,
                                "seed": seed,
                                **training.to_dict(),
                                "data": str(training.data),
                                "outcome": "overflow" if over else "completed",
                                "mi_true": truth,
                                "mi_batch_mean": np.inf if over else values[-6:].mean(),
                                "mi_batch_last": values[over - 2 if over else -1],
                                "mi_heldout": final,
                                "heldout_ess": ess,
                                "mi_population": final,
                                "population_ess": 5000.0,
                                "overflow_step": over,
                                "runaway_step": away,
                                "diverged_step": first,
                                "grad_norm_max": np.nanmax(norm),
                                "grad_norm_median": np.nanmedian(norm),
                            }
                        )
                    for quantity, stack in (("mi_batch", batch), ("grad_norm", norms)):
                        ranked = np.sort(np.where(np.isnan(stack), np.inf, stack), axis=0)
                        levels = {"median": 0.5, "q25": 0.25, "q75": 0.75}
                        picked = {
                            key: np.where(np.isinf(row := ranked[int(level * (seeds - 1))]), np.nan, row)
                            for key, level in levels.items()
                        }
                        cell = {"setting": name, "variant": variant, "dim": dim, "rho": rho, "quantity": quantity}
                        curves.append(pd.DataFrame({**cell, "step": step, **picked, "n_runs": seeds}))
        for dim in dims:
            for rho in rhos:
                truth = -dim / 2 * np.log(1 - rho**2)
                values = {"mi_true": truth, "mi_batch_mean": truth, "mi_heldout": truth, "mi_population": truth}
                sizes = {"heldout_ess": 5.0 if dim == 5 else 900.0, "population_ess": 9000.0}
                optimal += [
                    {"setting": name, "dim": dim, "rho": rho, "seed": seed, **values, **sizes} for seed in range(2)
                ]
    summary = pd.DataFrame(runs).astype({"grad_clip": "float64"})
    for column in NULLABLE:
        summary[column] = pd.to_numeric(summary[column]).astype("Int64")
    return {"summary": summary, "curves": pd.concat(curves, ignore_index=True), "optimal": pd.DataFrame(optimal)}


SWEEP = {f"ema_rate={rate:g}": {"ema_rate": rate} for rate in (1.0, 0.1, 0.01)}


@pytest.fixture(scope="module")
def tables():
    return make_tables()


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def panels(drawn):
    """Axes by their heading."""
    return {
        next(text.get_text() for text in axes.texts if text.get_fontweight() == "bold"): axes
        for axes in drawn.axes
        if axes.texts
    }


def lines(axes, gid):
    return [line for line in axes.lines if line.get_gid() == gid]


def words(drawn):
    """Every text above and below the panels as one line."""
    return " ".join(text.get_text() for text in drawn.texts)


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(("name", "quantity"), [("estimate", "mi_batch"), ("gradient_norm", "grad_norm")])
def test_lines_are_the_tables_medians(tables, name, quantity):
    drawn = FIGURES[name].draw(tables, "derangement")
    found = panels(drawn)
    assert set(found) == {f"d = {d}, ρ = {rho}" for d in (1, 5) for rho in (0.9, 0.99)}
    for dim in (1, 5):
        for rho in (0.9, 0.99):
            for variant in ("biased", "ema"):
                rows = common.cell(
                    tables["curves"], setting="derangement", variant=variant, dim=dim, rho=rho, quantity=quantity
                )
                (line,) = lines(found[f"d = {dim}, ρ = {rho}"], f"median:{variant}")
                np.testing.assert_array_equal(line.get_xdata(), rows["step"])
                np.testing.assert_array_equal(line.get_ydata(), rows["median"])
                assert line.get_color() == style.LOOKS[variant].colour


def test_truth_is_dashed_at_its_level(tables):
    for heading, axes in panels(FIGURES["estimate"].draw(tables, "permutation")).items():
        dim, rho = (float(part.split("=")[1]) for part in heading.split(","))
        (line,) = lines(axes, "truth")
        truth = -dim / 2 * np.log(1 - rho**2)
        np.testing.assert_allclose(line.get_ydata(), truth)
        assert line.is_dashed()
        assert f"truth {truth:.2f}" in texts(axes)
        low, high = axes.get_ylim()
        assert low < truth < high


def test_level_of_100_is_marked_and_scale_is_logarithmic(tables):
    drawn = FIGURES["gradient_norm"].draw(tables, "permutation")
    for axes in drawn.axes:
        (line,) = lines(axes, "level")
        assert set(line.get_ydata()) == {100.0}
        assert axes.get_yscale() == "log"
    # Norms of runaways are about 300: only those of d = 5, rho = 0.99, where all runs run away, lift the median.
    assert "The median gradient norm ever passes 100: Biased in 1 of 4 panels; EMA in 0 of 4" in words(drawn)
    assert "Biased 5 of 16; EMA 0 of 16" in words(drawn)
    rows = common.cell(tables["summary"], setting="permutation", variant="ema")
    assert f"EMA {common.number(rows['grad_norm_median'].median())}." in words(drawn)


@pytest.mark.parametrize("name", ["estimate", "gradient_norm"])
def test_every_overflowed_run_is_marked_at_its_step(tables, name):
    for heading, axes in panels(FIGURES[name].draw(tables, "permutation")).items():
        marks = lines(axes, "overflow:biased")
        if heading == "d = 5, ρ = 0.99":
            assert sorted(marks[0].get_xdata()) == [40, 41, 42, 43]
            low, high = axes.get_ylim()
            assert np.all((marks[0].get_ydata() >= low) & (marks[0].get_ydata() <= high))
            assert any(text.startswith("Biased: 4/4 overflow") for text in texts(axes))
        else:
            assert not marks
        assert not lines(axes, "overflow:ema")


def test_what_leaves_the_view_is_said(tables):
    drawn = FIGURES["estimate"].draw(tables, "permutation")
    axes = panels(drawn)["d = 5, ρ = 0.99"]
    rows = common.cell(tables["curves"], setting="permutation", variant="biased", dim=5, rho=0.99, quantity="mi_batch")
    top = rows[["median", "q25", "q75"]].max().max()
    assert top > axes.get_ylim()[1]
    assert f"Biased: 4/4 overflow, ▲ {common.number(top)}" in texts(axes)
    assert lines(axes, "exit:biased")
    assert "▲ ▼" in words(drawn)


def test_overflow_without_last_value_stands_at_the_top(tables):
    without = {**tables, "summary": tables["summary"].drop(columns="mi_batch_last")}
    axes = panels(FIGURES["estimate"].draw(without, "permutation"))["d = 5, ρ = 0.99"]
    (marks,) = lines(axes, "overflow:biased")
    np.testing.assert_allclose(marks.get_ydata(), axes.get_ylim()[1])


def test_titles_count_the_runs_of_the_setting(tables):
    # d = 5: four overflow at rho 0.99, one runs away at 0.9.
    text = words(FIGURES["estimate"].draw(tables, "permutation"))
    assert "Biased diverged in 5 of 16 runs (4 overflowed); EMA in 0 of 16 — permutation" in text
    assert "n = 4 seeds a cell" in text
    assert "Biased diverged in 10 of 32 runs (8 overflowed); EMA in 0 of 32" in words(
        FIGURES["final_values"].draw(tables)
    )
    assert "Biased diverged in 5 of 16 (permutation), 5 of 16 (derangement) runs" in words(
        FIGURES["divergence"].draw(tables)
    )


def test_final_values_are_means_over_live_runs(tables):
    drawn = FIGURES["final_values"].draw(tables)
    axes = panels(drawn)["d = 5, permutation"]
    summary = tables["summary"]
    for variant, cells in (("biased", [0.9]), ("ema", [0.9, 0.99])):
        expected = []
        for rho in cells:
            rows = common.cell(summary, setting="permutation", variant=variant, dim=5, rho=rho)
            live = rows[rows["diverged_step"].isna()]
            expected += [live[column].mean() for column in ("mi_batch_mean", "mi_heldout", "mi_population")]
        found = [line.get_ydata()[0] for line in lines(axes, f"value:{variant}")]
        np.testing.assert_allclose(found, expected)
    counts = [text.get_text() for text in axes.texts if text.get_gid() == "count:biased"]
    assert counts == ["+ 1/4", "+ 4/4"]
    # A cross for each diverged run and quantity: none vanishes.
    assert sum(len(line.get_xdata()) for line in lines(axes, "diverged:biased")) == 3 * 5
    truths = sorted(line.get_ydata()[0] for line in lines(axes, "truth"))
    np.testing.assert_allclose(truths, sorted(set(common.cell(summary, dim=5)["mi_true"])))


def test_low_ess_is_hollow(tables):
    axes = panels(FIGURES["final_values"].draw(tables))["d = 5, permutation"]
    hollow = lines(axes, "low-ess:optimal")
    assert len(hollow) == 2  # held out, at both correlations; in-batch and population are filled
    assert {line.get_marker() for line in hollow} == {"s"}
    assert {line.get_markerfacecolor() for line in hollow} == {"white"}
    assert len(lines(axes, "value:optimal")) == 4
    assert not lines(axes, "low-ess:ema")
    low = FIGURES["final_values"].draw(make_tables(ess=49.0, seeds=2))
    assert len(lines(panels(low)["d = 1, permutation"], "low-ess:ema")) == 2


def test_final_values_without_optimal_says_so(tables):
    drawn = FIGURES["final_values"].draw({"summary": tables["summary"]})
    assert "The optimal critic is not among the tables of this drawing." in words(drawn)
    assert not any(lines(axes, "value:optimal") for axes in drawn.axes)


def test_divergence_curves_are_shares_of_all_runs(tables):
    found = [axes for axes in FIGURES["divergence"].draw(tables).axes if "d = 5, ρ = 0.99" in texts(axes)]
    assert len(found) == 2
    for axes in found:
        (live,) = lines(axes, "live:biased")
        np.testing.assert_array_equal(live.get_xdata(), [0, 30, 41, 42, 43, 60])
        np.testing.assert_allclose(live.get_ydata(), [1, 0.75, 0.5, 0.25, 0, 0])
        (finite,) = lines(axes, "not-overflowed:biased")
        np.testing.assert_array_equal(finite.get_xdata(), [0, 40, 41, 42, 43, 60])
        (ema,) = lines(axes, "live:ema")
        assert set(ema.get_ydata()) == {1.0}
        assert "Biased: 4/4 diverged, 4 overflowed" in texts(axes)
    # 0 of 4: exact two-sided upper bound 1 - 0.025 ** (1 / 4).
    assert "0 of 4 diverged is compatible with a true share of up to 60 %" in words(FIGURES["divergence"].draw(tables))


def test_survival_keeps_censored_runs():
    step, left = survival(np.array([5.0, np.nan, 5.0, 9.0]), 20)
    np.testing.assert_array_equal(step, [0, 5, 9, 20])
    np.testing.assert_array_equal(left, [4, 2, 1, 1])


def test_sweep_draws_means_in_rising_order():
    tables = make_tables(settings=SWEEP, variants=("ema",), dims=(5,))
    drawn = FIGURES["sweep"].draw(tables)
    axes = panels(drawn)["d = 5, ρ = 0.9: population"]
    (line,) = lines(axes, "mean:ema")
    expected = [
        common.cell(tables["summary"], ema_rate=rate, rho=0.9)["mi_population"].mean() for rate in (0.01, 0.1, 1.0)
    ]
    np.testing.assert_allclose(line.get_ydata(), expected)
    bottom = panels(drawn)["d = 5, ρ = 0.9: diverged"]
    assert [label.get_text() for label in bottom.get_xticklabels()] == ["0.01", "0.1", "1"]
    assert bottom.get_xlabel() == "EMA rate α (no unit)"
    np.testing.assert_allclose(lines(bottom, "share:ema")[0].get_ydata(), 0)


def test_sweep_over_data_puts_stream_last_and_counts_divergence():
    settings = {"n=500": {"data": 500}, "stream": {}, "n=10000": {"data": 10000}}
    drawn = FIGURES["sweep"].draw(make_tables(settings=settings, dims=(5,)))
    bottom = panels(drawn)["d = 5, ρ = 0.99: diverged"]
    assert [label.get_text() for label in bottom.get_xticklabels()] == ["500", "10,000", "stream"]
    np.testing.assert_allclose(lines(bottom, "share:biased")[0].get_ydata(), 1)
    assert len(lines(panels(drawn)["d = 5, ρ = 0.99: held-out"], "all-diverged:biased")) == 3


def test_sweep_needs_exactly_one_swept_field(tables):
    assert swept_field(tables["summary"]) == "product"
    with pytest.raises(UserError, match="found: none"):
        FIGURES["sweep"].draw(make_tables(settings={"a": {}, "b": {}}, dims=(1,), seeds=2))
    both = make_tables(settings={"a": {"hidden": 8}, "b": {"layers": 1}}, dims=(1,), seeds=2)
    with pytest.raises(UserError, match="found: hidden, layers"):
        FIGURES["sweep"].draw(both)


def test_a_sweep_of_one_setting_is_drawn_by_its_name():
    drawn = FIGURES["sweep"].draw(make_tables(settings={"n=500": {"data": 500}}, dims=(5,)))
    bottom = panels(drawn)["d = 5, ρ = 0.99: diverged"]
    assert [label.get_text() for label in bottom.get_xticklabels()] == ["n=500"]


EXTREMES = {
    "smoke": {"seeds": 2},
    "one seed": {"seeds": 1, "dims": (5,)},
    "one rho": {"rhos": (0.9,), "dims": (1, 20)},
    "one dim": {"dims": (5,)},
    "one setting": {"settings": {"base": {}}, "dims": (5,)},
    "rho 0": {"rhos": (0.0,), "dims": (5,)},
    "all overflow": {"overflows": lambda *_: True, "dims": (5,)},
    "none diverges": {"overflows": lambda *_: False, "runaways": lambda *_: False, "dims": (5,)},
    "five variants": {"variants": ("biased", "biased-stable", "ema", "ema-as-printed", "ema-log"), "rhos": (0.9,)},
    "unknown variant": {"variants": ("ema", "smile"), "dims": (1,), "rhos": (0.9,)},
}


@pytest.mark.parametrize("case", EXTREMES)
def test_extreme_tables_are_drawn(case):
    tables = make_tables(**EXTREMES[case])
    for spec in FIGURES.values():
        if not set(spec.needs) <= set(tables):  # those of other tables have tests of their own
            continue
        drawn = spec.draw(tables, tables["summary"]["setting"].iloc[0] if spec.per_setting else None)
        drawn.draw_without_rendering()


def test_all_null_curves_are_drawn(tables):
    curves = tables["curves"].assign(median=np.nan, q25=np.nan, q75=np.nan)
    for name in ("estimate", "gradient_norm"):
        FIGURES[name].draw({**tables, "curves": curves}, "permutation").draw_without_rendering()


def test_title_is_not_the_reverse_of_the_data():
    tables = make_tables(overflows=lambda variant, *_: variant == "ema", runaways=lambda *_: False)
    assert "Biased diverged in 0 of 16 runs; EMA in 16 of 16 (all by overflow)" in words(
        FIGURES["estimate"].draw(tables, "permutation")
    )


def test_decimation_keeps_spikes_gaps_and_points():
    step = np.arange(1, 5001.0)
    median = np.random.default_rng(0).normal(size=5000)
    median[1234], median[4000:] = 50.0, np.nan
    high = median + 1
    high[2222] = 99.0
    (x, y), (_, low, up) = common.decimate(step, median, median - 1, high)
    assert x.size < 1300
    np.testing.assert_array_equal(y, median[x.astype(int) - 1])
    assert np.nanmax(y) == 50.0
    assert np.nanmin(y) == np.nanmin(median)
    assert x[np.isfinite(y)].max() == 4000
    assert np.nanmax(up) == 99.0
    assert np.nanmin(low) == np.nanmin(median - 1)


def test_intervals():
    mean, low, high = mean_interval(np.arange(20.0))
    assert mean == 9.5
    # The normal approximation's half-width is 1.96 * sd / sqrt(n).
    assert high - low == pytest.approx(2 * 1.96 * np.std(np.arange(20)) / np.sqrt(20), rel=0.05)
    assert mean_interval(np.arange(20.0)) == (mean, low, high)
    assert mean_interval(np.array([1.0, np.inf]))[0] == np.inf
    assert mean_interval(np.array([3.0]))[0] == 3.0
    low, high = share_interval(np.array([0, 3, 10]), 10)
    np.testing.assert_allclose(low, [0, 0.0667, 0.6915], atol=1e-4)
    np.testing.assert_allclose(high, [0.3085, 0.6525, 1], atol=1e-4)


def test_variants_differ_without_colour():
    faces = list(style.LOOKS.values())
    assert len({face.marker for face in faces}) == len(faces)
    assert len({face.colour for face in faces}) == len(faces)

    def grey(colour):
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    assert abs(grey(style.LOOKS["biased"].colour) - grey(style.LOOKS["ema"].colour)) > 0.2


@pytest.fixture
def folder(tables, tmp_path):
    place = tmp_path / "results" / "made"
    place.mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(place / f"{name}.parquet")
    return place


def test_command_writes_three_formats_and_the_same_bytes_twice(folder, tmp_path, capsys):
    for name in ("first", "second"):
        stem = tmp_path / name / "estimate_ema_rate=0.3"
        options = ["--experiment-dir", str(folder), "--setting", "permutation", "--output", str(stem)]
        assert main(["figures", "estimate", *options]) == 0
        assert sorted(path.name for path in stem.parent.iterdir()) == [
            f"{stem.name}.{kind}" for kind in ("pdf", "png", "svg")
        ]
    for kind in ("pdf", "png", "svg"):
        name = f"estimate_ema_rate=0.3.{kind}"
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    text = (tmp_path / "first" / "estimate_ema_rate=0.3.svg").read_text()
    assert "<dc:date>" not in text
    assert b"CreationDate" not in (tmp_path / "first" / "estimate_ema_rate=0.3.pdf").read_bytes()
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_readers_own_style_changes_nothing(tables, tmp_path):
    import matplotlib

    style.save(FIGURES["divergence"].draw(tables), tmp_path / "plain")
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "black", "svg.hashsalt": "other"}):
        style.save(FIGURES["divergence"].draw(tables), tmp_path / "own")
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "own.svg").read_bytes()


def test_a_failed_write_leaves_nothing(tables, tmp_path, monkeypatch):
    drawn = FIGURES["divergence"].draw(tables)
    whole = drawn.savefig

    def fail(path, *, format, **options):
        if format == "png":
            raise OSError(28, "No space left on device")
        whole(path, format=format, **options)

    monkeypatch.setattr(drawn, "savefig", fail)
    with pytest.raises(UserError, match="No space left"):
        style.save(drawn, tmp_path / "out" / "drawn")
    assert list((tmp_path / "out").iterdir()) == []


def test_list_names_every_figure(capsys):
    assert main(["figures", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [*FIGURES, "tasks"]


def command_error(capsys, *arguments):
    assert main(["figures", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_errors_are_one_line(folder, tmp_path, capsys):
    given = ("--experiment-dir", folder, "--output", tmp_path / "out")
    assert "'estimat' is unknown; known are estimate" in command_error(capsys, "estimat", *given)
    assert "name one of permutation, derangement" in command_error(capsys, "estimate", *given)
    assert "'permutations' is unknown" in command_error(capsys, "estimate", *given, "--setting", "permutations")
    assert "shows every setting" in command_error(capsys, "divergence", *given, "--setting", "permutation")
    assert "--output is missing" in command_error(capsys, "divergence", "--experiment-dir", folder)
    assert "name a figure" in command_error(capsys)
    missing = ("--experiment-dir", tmp_path / "none", "--output", tmp_path / "out")
    assert "no such file; the workflow makes it" in command_error(capsys, "divergence", *missing)
    broken = folder / "summary.parquet"
    broken.write_bytes(broken.read_bytes()[:100])
    assert f"{broken}: not a readable table" in command_error(capsys, "divergence", *given)
    (tmp_path / "file").write_text("")
    pd.DataFrame({"setting": ["base"]}).to_parquet(broken)
    assert "column 'variant' is missing" in command_error(capsys, "divergence", *given)
    assert not list(tmp_path.glob("out*"))


def test_unwritable_output_is_one_line(folder, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    arguments = ("divergence", "--experiment-dir", folder, "--output", tmp_path / "file" / "drawn")
    assert "cannot be written" in command_error(capsys, *arguments)


def test_registry():
    assert [spec.name for spec in FIGURES.values()] == list(FIGURES)
    assert {spec.name for spec in FIGURES.values() if spec.per_setting} == {
        "estimate",
        "gradient_norm",
        "staircase",
    }
    assert all(dataclasses.is_dataclass(spec) and callable(spec.function) for spec in FIGURES.values())
    with pytest.raises(UserError, match="needs the table 'curves'"):
        figure("estimate").draw({"summary": pd.DataFrame()})


def test_figures_import_neither_torch_nor_training():
    code = (
        "import sys; from mine.figures import FIGURES; assert 'matplotlib' not in sys.modules; "
        "[spec.function for spec in FIGURES.values()]; "
        "assert not {'torch', 'mine.engine.loop', 'mine.engine.networks', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
