"""Rows that belong together: seen, said, and kept together where the user says how."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from known_data import QUICK, columns, gaussian
from scipy.signal import lfilter

from mine.cli import main
from mine.errors import UserError
from mine.own import MutualInformation
from mine.own.columns import column
from mine.own.estimate import estimate, fit
from mine.own.order import dickey_fuller, in_order, memory, near_copies
from mine.own.rows import Groups, Stretches
from mine.own.settings import OwnSettings


def source(seed=0):
    return np.random.default_rng(seed)


def pair(x, z):
    return [column("x", x, discrete=False)], [column("z", z, discrete=False)]


def walk(rows, seed):
    return source(seed).standard_normal(rows).cumsum()


def autoregressive(rows, share, seed):
    return lfilter([1.0], [1.0, -share], source(seed).standard_normal(rows + 500))[500:]


def subjects(rows, each, seed):
    g = source(seed)
    return g.standard_normal(rows // each).repeat(each) + 0.5 * g.standard_normal(rows)


def said(made, seeds=range(30)):
    """Codes over seeds: two numbers of one seed are two independent draws."""
    found = [in_order(*pair(made(2 * seed), made(2 * seed + 1))) for seed in seeds]
    return [each[0].code if each else "" for each in found]


@pytest.mark.parametrize("rows", [200, 1000])
def test_random_walks_are_not_stationary(rows):
    assert said(lambda seed: walk(rows, seed)).count("not_stationary") >= 27
    assert said(lambda seed: np.exp(0.1 * walk(rows, seed))).count("not_stationary") >= 27


def test_series_and_groups_in_file_order_are_seen():
    assert set(said(lambda seed: autoregressive(1000, 0.9, seed))) == {"dependent_rows"}
    assert set(said(lambda seed: autoregressive(1000, 0.5, seed))) == {"dependent_rows"}
    assert set(said(lambda seed: subjects(1000, 10, seed))) == {"dependent_rows"}


def test_independent_rows_and_one_sided_series_are_not():
    assert set(said(lambda seed: source(seed).standard_normal(500))) == {""}
    for seed in range(20):
        x, noise = walk(500, seed), source(seed + 99).standard_normal(500)
        assert in_order(*pair(x, noise)) == []
        ordered = np.sort(noise)
        assert in_order(*pair(ordered, ordered + x)) == []
        label = column("label", np.repeat(["a", "b"], 250), discrete=True)
        assert in_order([label], [column("z", np.arange(500) // 250 + noise, discrete=False)]) == []


def test_dickey_and_fullers_t_has_its_size():
    """Its 1 and 5 % points with a constant, by MacKinnon 2010: -3.43 and -2.86."""
    found = np.array([dickey_fuller(walk(400, seed)) for seed in range(600)])
    assert 0.002 <= (found < -3.43).mean() <= 0.025
    assert 0.03 <= (found < -2.86).mean() <= 0.08


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("times", [2, 4])
def test_near_copies_are_seen(dim, times):
    x, z = gaussian(1000 // times, dim, 0.8)
    noise = 1e-3 * source(9).standard_normal((2, times * len(x), dim))
    x, z = (np.concatenate([each] * times) + more for each, more in zip((x, z), noise, strict=True))
    found = near_copies(columns(x), columns(z, "z"))
    assert [each.code for each in found] == ["near_copies"]


def test_rows_that_are_no_copies_are_not():
    for seed in range(10):
        g = source(seed)
        x, z = gaussian(600, 2, 0.99, seed)
        assert near_copies(columns(x), columns(z, "z")) == []
        assert near_copies(columns(g.standard_t(2, (600, 2))), columns(z, "z")) == []
        assert near_copies(columns(np.round(x, 2)), columns(np.round(z, 2), "z")) == []
        turn = g.random(600)
        assert near_copies(*pair(np.sin(9.0 * turn), turn + 0.01 * g.standard_normal(600))) == []


def test_stretches_keep_neighbours():
    together = Stretches(10)
    parts = together.split((600, 200, 200), source())
    assert [len(part) for part in parts] == [600, 190, 190]
    assert all((np.diff(part) == 1).all() for part in parts)
    assert parts[1][0] - parts[0][-1] == parts[2][0] - parts[1][-1] == 11
    drawn = together.weights(0, 190, 300, source())
    assert (drawn.sum(1) == 190).all()
    assert (np.diff(drawn, axis=1) != 0).mean() < 0.25
    np.testing.assert_allclose(drawn.mean(0), 1.0, atol=0.35)
    orders = together.orders(0, 190, together.most_orders(190), source())
    assert len(np.unique(orders, axis=0)) == len(orders) == 189
    assert (orders != np.arange(190)).all()
    assert (np.diff(orders, axis=1) % 190 == 1).all()
    with pytest.raises(UserError, match=r"blocks: 50 rows each; .* at least 250, 5 blocks"):
        Stretches(50).split((600, 200, 200), source())


def test_groups_stay_whole():
    codes = source().integers(0, 60, 900)
    together = Groups(codes)
    parts = together.split((540, 180, 180), source(1))
    assert sorted(np.concatenate(parts).tolist()) == list(range(900))
    owners = [set(codes[part].tolist()) for part in parts]
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    assert all(abs(len(part) - size) < 40 for part, size in zip(parts, (540, 180, 180), strict=True))
    test = together.take(parts[2])
    assert np.count_nonzero(np.diff(test.codes)) == len(owners[2]) - 1
    drawn = test.weights(0, len(parts[2]), 50, source())
    assert all(len(set(drawn[0][test.codes == code])) == 1 for code in owners[2])
    orders = test.orders(0, len(parts[2]), 20, source())
    assert (np.sort(orders, axis=1) == np.arange(len(parts[2]))).all()
    assert (np.count_nonzero(np.diff(test.codes[orders], axis=1), axis=1) == len(owners[2]) - 1).all()
    with pytest.raises(UserError, match=r"group: 10 groups, .* each must have at least 8"):
        Groups(np.arange(900) % 10).split((540, 180, 180), source())


def test_memory_grows_with_the_series():
    short, long = (memory(*pair(*(autoregressive(4000, share, seed) for seed in (1, 2)))) for share in (0.5, 0.9))
    assert 4 <= short <= 20 < long <= 150


QUICKER = QUICK | {
    "initialisations": 1, "max_updates": 25, "critic": "separable", "hidden": 16, "embedding": 8, "learning_rate": 0.01,
}  # fmt: skip
"""Size and counter-check are of how rows are drawn and ordered; they hold for every critic, a small one included."""


def p_values(made, count, **how):
    found = []
    for seed in range(count):
        (x, groups), (z, _) = made(2 * seed), made(2 * seed + 1)
        x, z = pair(x, z)
        fitted = fit(x, z, OwnSettings(**QUICKER, resamples=99, seed=seed, **how), groups=groups)
        found.append(estimate(fitted, x, z).p_value)
    return np.array(found)


def series(seed):
    return autoregressive(1000, 0.97, seed), None


def grouped(seed):
    return subjects(1000, 20, seed), np.arange(1000) // 20


def test_blocks_and_groups_bring_the_size_of_the_test_back():
    """At most 2 of 8 under 5 % happen in 99.4 of 100 tests of that size, and 3 of 6 and more in 0.2 of 100.

    So neither half passes by chance: rows of these that are taken as independent have more than half under 5 %.
    """
    assert (p_values(series, 8, blocks="auto") < 0.05).sum() <= 2
    assert (p_values(grouped, 8) < 0.05).sum() <= 2
    assert (p_values(series, 6, blocks=1) < 0.05).sum() >= 3
    assert (p_values(lambda seed: (grouped(seed)[0], None), 6, blocks=1) < 0.05).sum() >= 3


def test_dependence_is_found_with_blocks_and_groups():
    x = autoregressive(2000, 0.7, 1)
    z = x + autoregressive(2000, 0.7, 2)
    quick = {"n_init": 1, "n_permutations": 199}
    found = MutualInformation(**quick, settings={"max_updates": 100, "blocks": "auto"}).fit(x, z)
    assert found.p_value_ <= 0.01
    assert found.mi_ == pytest.approx(0.35, abs=0.12)
    assert not {"dependent_rows", "not_stationary"} & {each.code for each in found.result_.warnings}
    owner = np.arange(2000) // 20
    grouped = MutualInformation(**quick, settings={"max_updates": 100}).fit(x, z, groups=owner)
    assert grouped.p_value_ <= 0.01
    whole, apart = (grouped.estimate(x, z, groups=each) for each in (owner, None))
    assert whole.mi == apart.mi
    assert whole.interval != apart.interval
    assert "dependent_rows" not in {each.code for each in whole.warnings}
    assert "dependent_rows" in {each.code for each in apart.warnings}
    assert "given without" in " ".join(each.text for each in apart.warnings)
    plain = MutualInformation(**quick, settings={"max_updates": 50}).fit(*source(3).standard_normal((2, 500)))
    assert np.isnan(plain.estimate(walk(500, 1), walk(500, 2)).p_value)
    with pytest.raises(UserError, match="groups: 3 for 2,000 rows"):
        MutualInformation().fit(x, z, groups=[1, 2, 3])


FAST = ["--initialisations", "1", "--permutations", "99", "--resamples", "99", "--max-updates", "50"]


def test_the_command_says_it(tmp_path, monkeypatch, undrawn, capsys):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(
        {"x": walk(1000, 1), "z": walk(1000, 2), "a": subjects(1000, 10, 3), "b": subjects(1000, 10, 4)}
    )
    frame.assign(who=np.arange(1000) // 10).to_csv("data.csv", index=False)
    assert main(["estimate", "data.csv", *FAST, "--x", "x", "--z", "z"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("x and z are not stationary: take differences first.")
    assert "none: not stationary" in out
    assert json.loads((tmp_path / "mi_data.json").read_text())["permutation_test"]["p_value"] is None
    assert main(["estimate", "data.csv", *FAST, "--x", "a", "--z", "b"]) == 0
    assert capsys.readouterr().out.startswith("Neighbouring rows resemble each other")
    assert main(["estimate", "data.csv", *FAST, "--x", "a", "--z", "b", "--group", "who"]) == 0
    assert "resemble" not in capsys.readouterr().out
    assert main(["estimate", "data.csv", *FAST, "--x", "a", "--z", "b", "--blocks", "20"]) == 0
    assert "resemble" not in capsys.readouterr().out
    assert json.loads((tmp_path / "mi_data.json").read_text())["rows"]["between_parts"] == 40
    for words, message in (
        (["--group", "who", "--blocks"], "give one of the two"),
        (["--blocks", "x"], "blocks: 'x' is not a whole number of at least 1"),
        (["--group", "nobody"], "group: 'nobody' is no column"),
    ):
        assert main(["estimate", "data.csv", *FAST, "--x", "a", "--z", "b", *words]) == 2
        assert message in capsys.readouterr().err
