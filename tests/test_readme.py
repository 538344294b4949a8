"""What the README and the pages that it leads to claim, held against the published data and the project's files."""

import math
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from mine.claims.claim import REPOSITORY, US, WRITE_UP
from mine.claims.ledger import plain_table
from mine.publish.page import PICTURES_TABLES, cell_table, pictures_sentence

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROBES, EXPLANATION, CHOICES = (
    (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("probes", "explanation", "choices")
)
DATA = ROOT / "figures/data/writeup_summary.parquet"
BY_ALPHA = "in 0 of 12 random settings with α ≤ 0.01, in 4 of 5 with α = 0.1 and in 6 of 7 with α = 0.5"


def published_table(name):
    return pd.read_parquet(ROOT / f"figures/data/{name}.parquet", partitioning=None)


def disagreements(readme, table):
    """Rows of the probe table whose number does not stand in the same cell's row of the published table."""
    published = {}
    for line in table.splitlines()[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        published[", ".join(cells[:4])] = cells[4:]
    section = readme.split("<!-- probes:")[1].split("<!-- end of probes -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    assert len(rows) > 10
    return [row for row in rows[2:] if row[3] not in published.get(row[0], [])]


def test_the_probe_table_is_the_published_data():
    assert disagreements(PROBES, cell_table(pd.read_parquet(DATA))) == []


def test_a_changed_number_is_found():
    table = cell_table(pd.read_parquet(DATA))
    changed = PROBES.replace("| 2.81 [2.80, 2.84] |", "| 2.91 [2.80, 2.84] |")
    assert len(disagreements(changed, table)) == 1


def test_links_lead_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_it_is_short():
    assert len(README.splitlines()) <= 130


def test_badges_are_true():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    snakemake = re.search(r"^snakemake==(\d+)", lock, re.M)
    badges = re.findall(r"!\[(.*?)\]\(https://img", README)
    assert badges == [
        f"Licence: {project['license']}",
        f"Python {project['requires-python'].removeprefix('>=')} or later",
        f"Snakemake {snakemake[1]}",
    ]


def test_parts_hold_what_is_published():
    parts = {
        "claims": plain_table(published_table("claims")),
        "pictures": pictures_sentence(**{name: published_table(name) for name in PICTURES_TABLES}),
    }
    for name, part in parts.items():
        assert README.split(f"<!-- made: {name} -->\n")[1].split(f"\n<!-- end: {name} -->")[0] == part


def test_whose_claims_they_are():
    first = published_table("claims").groupby("number")["asked_by"].first()
    of = {who: list(first.index[first == who]) for who in (WRITE_UP, REPOSITORY, US)}
    assert of == {WRITE_UP: [*range(1, 12), 17, 18], REPOSITORY: [15, 16], US: [12, 13, 14, 19, 20]}
    assert "(1 to 11, 17, 18), of its repository (15, 16)" in README


def test_the_picture_of_the_pipeline_is_the_one_of_the_workflow():
    assert (ROOT / "docs/pipeline.mmd").read_text(encoding="utf-8").strip() in (ROOT / "docs/reproduce.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    "claim",
    [
        "none of 160 diverges",
        "none of 160 runs becomes non-finite",
        "all 20 at ρ = 0.99 run away",
        "once in 640",
        "0 of 40",
        "16 and 20 of 20 seeds",
        "15 of 20 runs",
        "60 of 80",
        "in 74 of 80 at d = 2",
        "in 63 of 80 pairs at d = 2",
        "18 of the 24 settings",
        BY_ALPHA,
    ],
)
def test_claims_in_words(claim):
    """The counts of the five findings, computed."""
    runs = pd.read_parquet(DATA)
    ablation = pd.read_parquet(ROOT / "figures/data/ablation_summary.parquet")
    error = runs.assign(error=runs["mi_batch_error"].abs()).set_index(["setting", "dim", "rho", "seed", "variant"])
    error = error["error"].unstack("variant").loc["permutation", 5]
    farther = [int((error.loc[rho, "ema"] > error.loc[rho, "biased"]).sum()) for rho in (0.85, 0.9)]
    stable = ablation[ablation["variant"] == "biased-stable"]
    two = runs[(runs["dim"] == 2) & (runs["variant"] == "biased")]
    gone = two[(two["setting"] == "derangement") & (two["rho"] == 0.99)]["runaway_step"].notna()
    pairs = runs[runs["dim"] == 2].pivot(index=["setting", "rho", "seed"], columns="variant", values="mi_batch_error")
    half = len(pairs) // 2
    nearer = (pairs["ema"].abs() < pairs["biased"].abs()).groupby("setting").sum()
    ended, sooner, of_alpha = plausible_range()
    one = runs[(runs["dim"] == 1) & (runs["variant"] == "biased")]
    ema = runs[runs["variant"] == "ema"]
    away = ema[(ema["setting"] == "derangement") & ema["runaway_step"].notna()]
    computed = {
        "15 of 20 runs": f"{((away['dim'] == 5) & (away['rho'] == 0.99)).sum()} of 20 runs",
        "60 of 80": f"{(away['dim'] == 20).sum()} of 80",
        "none of 160 diverges": f"{'none' if one['diverged_step'].isna().all() else 'some'} of {len(one)} diverges",
        "none of 160 runs becomes non-finite": (
            f"{'none' if two['overflow_step'].isna().all() else 'some'} of {len(two)} runs becomes non-finite"
        ),
        "all 20 at ρ = 0.99 run away": f"{'all' if gone.all() else 'some of'} {len(gone)} at ρ = 0.99 run away",
        "in 74 of 80 at d = 2": f"in {nearer['derangement']} of {half} at d = 2",
        "in 63 of 80 pairs at d = 2": f"in {half - nearer['permutation']} of {half} pairs at d = 2",
        "18 of the 24 settings": f"{sooner} of the {ended.index.nunique()} settings",
        BY_ALPHA: re.sub(r"\d+ of \d+", "{} of {}", BY_ALPHA).format(*of_alpha),
        "once in 640": f"{'once' if ema['overflow_step'].notna().sum() == 1 else 'not once'} in {len(ema)}",
        "0 of 40": f"{stable['overflow_step'].notna().sum()} of {len(stable)}",
        "16 and 20 of 20 seeds": f"{farther[0]} and {farther[1]} of {error.loc[0.9].shape[0]} seeds",
    }
    assert claim in " ".join(EXPLANATION.split())
    assert computed[claim] == claim


def plausible_range():
    """Of the random settings: whether the EMA ends; how many have biased diverge sooner; by alpha, ended and all."""
    table = pd.read_parquet(ROOT / "figures/data/search_plausible.parquet")
    lasted = [f"ema_last_epoch_{rho}" for rho in ("0.85", "0.9", "0.95", "0.99")]
    ends = table.assign(ended=(table[lasted] != math.inf).any(axis=1)).groupby(["setting_id", "ema_rate"])["ended"]
    ended = (ends.mean() > 0.5).reset_index("ema_rate")
    groups = [ended[ended["ema_rate"] <= 0.01], *(ended[ended["ema_rate"] == rate] for rate in (0.1, 0.5))]
    ledger = pd.read_parquet(ROOT / "figures/data/claims.parquet")
    share = ledger[(ledger["claim"] == "diverges_sooner") & ledger["cell"].str.startswith("plausible range")].iloc[0]
    of_alpha = [number for group in groups for number in (int(group["ended"].sum()), len(group))]
    return ended, round(share["effect"] * share["n_seeds"]), of_alpha


def spread(values):
    return f"{int(values.min()):,}-{int(values.max()):,}"


def test_numbers_in_words():
    """Every number of the five findings, computed and then looked for where the page says it."""
    runs = pd.read_parquet(DATA)

    def cell(setting, variant, dim, rho):
        return runs.query("setting == @setting and variant == @variant and dim == @dim and rho == @rho")

    lines = EXPLANATION.split("## Five findings with their numbers")[1].split("[![")[0].replace("\n   ", " ")
    low, high = (spread(cell("derangement", "biased", 5, rho)["overflow_step"]) for rho in (0.9, 0.99))
    plausible = cell("derangement", "biased", 5, 0.85)
    drifted = cell("derangement", "ema", 20, 0.99)
    # The run that overflowed ranks above every other, as everywhere.
    reads = drifted["mi_batch_mean"].replace(float("-inf"), float("inf")).median()
    norms = [cell("derangement", variant, 5, 0.9) for variant in ("biased", "ema")]
    typical = [part["grad_norm_median"].median() for part in norms]
    # A norm that overflowed is larger than any; rounded to tens, as the README has it.
    largest = [round(part["grad_norm_max"].fillna(float("inf")).median(), -1) for part in norms]
    at_two = [round(cell("derangement", v, 2, 0.99)["grad_norm_max"].median(), -1) for v in ("biased", "ema")]
    for text in (
        f"updates {low} at 0.9, {high} at 0.99",
        f"{plausible['mi_batch_mean'].median():.1f} nats, truth {plausible['mi_true'].iloc[0]:.1f}",
        f"{reads:.0f} nats for a truth of {drifted['mi_true'].iloc[0]:.0f}",
        f"{typical[0]:.0f} for biased and {typical[1]:.1f} for EMA",
        f"its largest single one {largest[0]:.0f} and {largest[1]:.0f}",
        f"the largest are {at_two[0]:.0f} and {at_two[1]:.0f}: on fresh pairs",
    ):
        assert text in lines
    assert plausible["overflow_step"].isna().all()
    assert (plausible["mi_heldout"] < 0).all()
    assert drifted["mi_population"].median() < 0


def test_every_derangement_run_of_biased_overflowed_where_the_readme_says_so():
    runs = pd.read_parquet(DATA).query("setting == 'derangement' and variant == 'biased'")
    claimed = runs[((runs["dim"] == 5) & (runs["rho"] >= 0.9)) | (runs["dim"] == 20)]
    assert len(claimed) == 7 * 20
    assert claimed["overflow_step"].notna().all()


def test_ema_is_nearer_in_batch_in_all_pairs_but_one_with_a_derangement():
    runs = pd.read_parquet(DATA).query("setting == 'derangement' and dim > 2")
    error = runs["mi_batch_error"].abs().fillna(float("inf"))
    table = runs.assign(error=error).pivot(index=["dim", "rho", "seed"], columns="variant", values="error")
    assert f"{(table['ema'] < table['biased']).sum()} of {len(table)} pairs" in " ".join(EXPLANATION.split())


def test_the_short_findings():
    """Every count of the README's five lines, computed."""
    runs = pd.read_parquet(DATA)
    biased, ema = (runs[runs["variant"] == variant] for variant in ("biased", "ema"))
    one, twenty = (biased[biased["dim"] == dim] for dim in (1, 20))
    ablation = published_table("ablation_summary")
    stable = ablation[ablation["variant"] == "biased-stable"]
    clipped = published_table("remedies_summary").query("variant == 'ema' and setting in ('clip=1', 'clip=10')")
    smoothing = published_table("smoothing_summary")
    _, sooner, of_alpha = plausible_range()
    error = runs.assign(error=runs["mi_batch_error"].abs().fillna(math.inf))
    error = error[error["dim"] > 1].pivot(index=["setting", "dim", "rho", "seed"], columns="variant", values="error")
    nearer, farther = (
        (error["ema"] < error["biased"]).loc["derangement"],
        (error["ema"] > error["biased"]).loc["permutation"],
    )
    text = " ".join(README.split())
    for words, right in (
        (f"none of {len(one)} runs diverges at d = 1", one["diverged_step"].isna().all()),
        (f"at d = 20 all {len(twenty)} overflow", twenty["overflow_step"].notna().all()),
        (f"Of 24 random settings on a small data set it does so in {sooner}", True),
        (
            f"({stable['overflow_step'].notna().sum()} of {len(stable)} runs) and runs away",
            stable["runaway_step"].notna().any(),
        ),
        (f"overflowed once in {len(ema)} runs on fresh pairs", ema["overflow_step"].notna().sum() == 1),
        (f"α ≥ 0.1 in {of_alpha[2] + of_alpha[4]} of {of_alpha[3] + of_alpha[5]} random settings", True),
        (f"clipped in all {len(clipped)} runs at d = 5", clipped["overflow_step"].notna().all()),
        (f"in {nearer.sum()} of {len(nearer)} pairs of runs at d = 2, 5 and 20", True),
        (f"farther in {farther.sum()} of {len(farther)}", True),
    ):
        assert words in text, words
        assert right, words
    ended = biased[biased["overflow_step"].notna()]
    assert set(ended["dim"]) == {5, 20}
    assert not (ended["grad_norm_max"] < 100).any()
    words = f"{smoothing['overflow_step'].notna().sum()} of the {len(smoothing)} runs of `smoothing`"
    assert words in " ".join(EXPLANATION.split())
    assert f"clipped in {clipped['overflow_step'].notna().sum()} of {len(clipped)} runs of `remedies`" in EXPLANATION


def test_the_bound_on_ema_overflow():
    ema = pd.read_parquet(DATA).query("variant == 'ema'")
    count = int(ema["overflow_step"].notna().sum())
    assert f"at most {100 * binomtest(count, len(ema)).proportion_ci(0.95).high:.1f} %" in EXPLANATION


def heldout(variant, critic, task, column="heldout_bias"):
    """The published benchmark's held-out numbers of one estimator, by mutual information."""
    scores = pd.read_parquet(ROOT / "figures/data/staircase_scores.parquet")
    cells = scores[(scores["variant"] == variant) & (scores["critic"] == critic) & (scores["task"] == task)]
    return cells.set_index("mi_true")[column]


def test_the_benchmark_in_words():
    """The numbers of "Should it be MINE at all?", there and in short here, computed."""
    mine = heldout("ema-log", "concat", "gaussian")
    in_batch = heldout("ema-log", "concat", "gaussian", "bias")
    assert abs(in_batch[4.0]) < 0.1 * 4
    assert abs(in_batch[6.0]) < 0.1 * 6
    words = f"{-mine[4.0]:.1f}, {-mine[6.0]:.1f} and {-mine[10.0]:.0f} nats too low at 4, 6 and 10"
    best = [("doe-logistic", "density"), ("smile", "concat"), ("gan-dime", "separable")]
    errors = [heldout(*each, "gaussian", "heldout_rmse")[10.0] for each in best]
    cubic = [heldout(*each, "cubic")[10.0] for each in best]
    gaussian = heldout("doe-gaussian", "density", "cubic")[10.0]
    others = [-heldout(name, "concat", "gaussian")[10.0] for name in ("nwj", "tuba", "flo")]
    assert all(abs(heldout(name, "concat", "gaussian")[2.0] - mine[2.0]) < 0.4 for name in ("nwj", "tuba", "flo", "js"))
    infonce = 10 + heldout("infonce", "separable", "gaussian")[10.0]
    assert math.log(64) - 0.2 < infonce < math.log(64)
    smile = heldout("smile", "separable", "cubic")[10.0]
    within = heldout("smile", "separable", "cubic", "heldout_within")[10.0]
    assert within == "undecided"
    scores = published_table("staircase_scores")
    assert not (scores[(scores["task"] == "cubic") & (scores["mi_true"] == 10.0)]["heldout_within"] == "yes").any()
    for text in (
        words,
        f"is separable SMILE, {-smile:.2f} too low",
        f"are {min(others):.1f} to {max(others):.1f} too low at 10",
        "(root mean squared error {:.2f} nats), SMILE ({:.2f}, concatenated) and GAN-DIME ({:.2f}, separable)".format(
            *errors
        ),
        f"are {cubic[0]:.1f} too high, {-cubic[1]:.1f} and {-cubic[2]:.1f} too low at 10 nats",
        f"are {gaussian:.1f} nats too high there",
        f"{10 + heldout('club', 'density', 'gaussian')[10.0]:.0f} nats for a truth of 10",
    ):
        assert text in " ".join(EXPLANATION.split()), text
    assert f"it reads {-mine[10.0]:.0f} nats too low on fresh Gaussian data" in " ".join(README.split())
    assert f"DoE, SMILE and GAN-DIME are off by at most {max(errors):.2f}" in " ".join(README.split())


def test_the_benchmark_in_the_explanation():
    """The reasons that docs/explanation.md gives for it, computed."""
    text = " ".join(EXPLANATION.split())
    scores = pd.read_parquet(ROOT / "figures/data/tasks_scores.parquet")
    counts = (scores["heldout_within"] == "yes").groupby([scores["variant"], scores["critic"]]).sum()
    words = {5: "five", 6: "six", 7: "seven"}
    trained = counts.drop(index="baseline", level="critic")
    assert trained.idxmax() == ("doe-logistic", "density")
    assert f"is surely within 10 % of the truth on {words[trained.max()]}; nearest" in text
    assert f"which train nothing, on {words[counts['ksg', 'baseline']]}." in text
    critics = scores[(scores["task"] == "uniform") & (scores["critic"] == "separable")]
    low = -100 * critics["heldout_bias"] / critics["mi_true"]
    assert f"is read {low.min():.0f} to {low.max():.0f} % too low by every critic" in text
    bounds = [("ema-log", "nwj", "tuba", "flo"), ("separable", "concat")]
    assert max(10 + heldout(name, critic, "gaussian")[10.0] for name in bounds[0] for critic in bounds[1]) < 6.05
    assert f"and shows {10 + heldout('interpolated', 'separable', 'gaussian')[10.0]:.1f}; InfoNCE" in text
    assert f"to −{-round(10 + heldout('js', 'separable', 'cubic')[10.0], -3):,.0f} nats" in text


def nearest():
    """The ten nearest settings of the published search, a row a candidate and variant."""
    judged = pd.read_parquet(ROOT / "figures/data/search_judged.parquet")
    return judged[judged["code"] == "Algorithm 1"]


def span(values):
    """``8 to 32``, ``250 to 1,000``."""
    low, high = min(values), max(values)
    return f"{low:,g}" if low == high else f"{low:,} to {high:,}"


def test_what_the_figures_say_is_what_the_search_found():
    """The third column of "What the write-up leaves open", computed."""
    rows = nearest()
    assert rows["candidate"].nunique() == 10
    assert not rows["compatible"].any()
    assert set(rows["product"]) == {"permutation"}
    assert set(rows["point"]) == {"mean"}
    assert set(rows["optimizer"]) == {"adam", "adamw"}
    sizes = dict(tuple(rows.groupby("variant")))
    assert set(sizes["ema"]["layers"]) == {1}
    assert set(sizes["biased"]["layers"]) == {1, 2}
    for text in (
        f"1 layer of {span(sizes['ema']['hidden'])} for EMA, 1 or 2 of {span(sizes['biased']['hidden'])} for biased",
        f"| {span(rows['batch_size'])} | a common size",
        f"{span(rows['data'])} pairs |",
        f"Adam or AdamW, {span(rows['learning_rate'])} |",
        f"| {' or '.join(f'{rate:g}' for rate in sorted(set(sizes['ema']['ema_rate'])))} | MINE's usual value",
    ):
        assert text in CHOICES, text


def test_what_is_said_of_concepts_is_what_its_models_show():
    decision = published_table("concepts_decision")
    least = decision[(decision["rows"] == 1000) & (decision["leakage"] == 0.02)].set_index("method")["tells"]
    assert dict(least[["js", "ema"]]) == {"js": "yes", "ema": "yes"}
    assert decision["rows"].min() == 1000
    models = published_table("concepts_penalised")
    at = models[(models["weight"] == 2.0) & (models["estimator"] != "club")].groupby(["data", "estimator"])
    left = at["conditional"].median().unstack("data")
    assert (left > 0.05).all(axis=None)
    assert (left.loc["ema"] > left.loc["biased"]).all()
    said = at["said"].median() - at["of_concepts_exact"].median()
    assert said.max() < 0.02
    free = models[models["weight"] == 0.0].groupby("data")["conditional"].median()
    assert (free > 0.2).all()


def test_what_is_said_of_control_is_what_its_encoders_show():
    page = (ROOT / "docs/control.md").read_text(encoding="utf-8")
    encoders = published_table("control_encoders")
    assert (encoders["outcome"] == "completed").all()
    gaps = {term: encoders[f"estimate_{term}"] - encoders[f"mi_{term}"] for term in ("y", "x", "s")}
    by_setting = encoders.assign(**gaps).groupby(["variant", "setting"])[["share", *gaps]].median()
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \| compress, β = 20, \$I\(x; t\)\$ \|$", page, re.M)
    assert {row[0] for row in rows} == set(encoders["variant"])
    for variant, share, gap in rows:
        of = by_setting.loc[variant]
        assert share == f"{of['share'].min():.3f}".replace("-", "−")
        farthest = of[[*gaps]].abs().stack().idxmax()
        assert (*farthest, gap) == ("beta=20", "x", f"{of.loc[farthest]:+.2f}".replace("-", "−"))
    five = by_setting.drop(index="club", level="variant")
    assert five[~five.index.get_level_values("setting").str.startswith("beta")]["share"].min() >= 0.98
    assert by_setting.xs("beta=20", level="setting")["share"].idxmax() == "infonce"
    assert (encoders["fresh_s"] - encoders["mi_s"]).groupby(encoders["setting"]).median().abs().max() < 0.02
    ema, biased = (by_setting.loc[name]["share"] for name in ("ema", "biased"))
    assert f"{ema.min():.2f} to {ema.max():.2f} of" in README
    assert f"({ema.min():.2f} against {biased.min():.2f})" in README
    assert ema.idxmin() == biased.idxmin() == "beta=20"
