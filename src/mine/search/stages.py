"""What each stage of the search trains, given the runs of those before it.

Cheap looks first: biased at rho = 0.99, where the published run ends at epoch 33, then at 0.95 (156), then at the rest;
the EMA at 0.99 for its first epochs, then in full. Only what is near goes on. Selection is on the seeds ``seeds``; what
is chosen is judged on ``judge_seeds``. The plausible range runs in full whatever comes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pandas as pd

from mine.experiments import parse_seeds
from mine.search.fits import Candidate, best_settings, candidates, ranked
from mine.search.plan import Size
from mine.search.running import Task, with_rates
from mine.search.space import FIRST_EMA_RATES, SPACE, Setting, departures, neighbours, plausible, shapes
from mine.writeup import RHOS, VARIANTS

_AT_ONCE = 10
"""Seeds of a stack where many are trained: so many that a core stays busy, so few that the work can be shared out."""


def tasks(stage: str, size: Size, runs: pd.DataFrame) -> list[Task]:
    """The tasks of a stage (a name of ``mine.search.plan.STAGES``). runs: of the stages that it follows."""
    return _STAGES[stage](size, runs)


def _biased_099(size: Size, runs: pd.DataFrame) -> list[Task]:
    seeds, (epochs, _, _) = tuple(parse_seeds(size.seeds)), size.early
    return [
        Task("biased", with_rates(shape, SPACE["learning_rate"]), (0.99,), seeds, epochs)
        for shape in shapes(size.shapes)
    ]


def _biased_095(size: Size, runs: pd.DataFrame) -> list[Task]:
    seeds, (_, epochs, _) = tuple(parse_seeds(size.seeds)), size.early
    return _stacked("biased", _named(runs, ranked(runs, "biased"), size.keep_095), (0.95,), seeds, epochs)


def _biased_rest(size: Size, runs: pd.DataFrame) -> list[Task]:
    """Both that are left in full, and those of the first two that were cut short."""
    seeds = tuple(parse_seeds(size.seeds))
    chosen = _named(runs, ranked(runs, "biased"), size.keep_rest, rhos=2)
    return _stacked("biased", chosen, RHOS, seeds, size.epochs)


def _ema_099(size: Size, runs: pd.DataFrame) -> list[Task]:
    seeds, (_, _, epochs) = tuple(parse_seeds(size.seeds))[:1], size.early
    return [
        Task("ema", with_rates(replace(shape, ema_rate=rate), SPACE["learning_rate"]), (0.99,), seeds, epochs)
        for shape in shapes(size.shapes)
        for rate in FIRST_EMA_RATES
    ]


def _ema_rest(size: Size, runs: pd.DataFrame) -> list[Task]:
    """The EMA's nearest, and where biased is nearest the EMA with the alpha that is nearest there."""
    ranking = ranked(runs, "ema")
    chosen = best_settings(ranking, size.keep_ema)
    by_name = settings_of(runs)
    nearest_alpha: dict[str, str] = {}
    for name in ranking["setting"]:
        nearest_alpha.setdefault(by_name[name].of_biased.name, name)
    for name in best_settings(ranked(runs, "biased"), size.keep_with_biased, rhos=4):
        chosen.append(nearest_alpha[name])
    settings = [by_name[name] for name in dict.fromkeys(chosen)]
    return _stacked("ema", settings, RHOS, tuple(parse_seeds(size.seeds)), size.epochs)


def _neighbours(size: Size, runs: pd.DataFrame) -> list[Task]:
    """Every setting one value away from the best of both together, of biased alone and of the EMA alone."""
    seeds = tuple(parse_seeds(size.seeds))
    together, biased, ema = _centres(runs)
    of_biased = dict.fromkeys(near.of_biased for _, near in neighbours(together.of_biased))
    of_biased |= dict.fromkeys(near for _, near in neighbours(biased))
    of_ema = dict.fromkeys(near for centre in (together, ema) for _, near in neighbours(centre))
    # Those of biased at the EMA's neighbours are needed to fit both together there.
    of_biased |= dict.fromkeys(near.of_biased for _, near in neighbours(together))
    return [
        task
        for variant, settings in (("biased", of_biased), ("ema", of_ema))
        for task in _stacked(variant, settings, RHOS, seeds, size.epochs)
    ]


def _judged(size: Size, runs: pd.DataFrame) -> list[Task]:
    return _of_candidates(chosen(size, runs), size, runs)


def _departures(size: Size, runs: pd.DataFrame) -> list[Task]:
    """Slips of the code where both together and where the EMA fit best; biased's runs too where the slip is in both."""
    seeds = tuple(parse_seeds(size.seeds))
    found: dict[str, dict[Setting, None]] = {"biased": {}, "ema": {}}
    together, _, ema = _centres(runs)
    for centre in (together, ema):
        for departure in departures(centre):
            found["ema"][departure] = None
            if departure.grad_clip is not None:
                found["biased"][departure.of_biased] = None
    return [task for variant in VARIANTS for task in _stacked(variant, found[variant], RHOS, seeds, size.epochs)]


def _departures_judged(size: Size, runs: pd.DataFrame) -> list[Task]:
    return _of_candidates(chosen_departures(size, runs), size, runs)


def _plausible(size: Size, runs: pd.DataFrame) -> list[Task]:
    seeds = tuple(parse_seeds(size.plausible_seeds))
    settings = plausible(size.plausible)
    return [
        task
        for variant in VARIANTS
        for setting in settings
        for task in _stacked(variant, [setting], RHOS, seeds, size.epochs)
    ]


def chosen(size: Size, runs: pd.DataFrame) -> list[Candidate]:
    """The candidates that are judged: of Algorithm 1 as it is written, by the runs of the seeds that select."""
    return _chosen(runs[runs["stage"] != "departures"], size.judged)


def chosen_departures(size: Size, runs: pd.DataFrame) -> list[Candidate]:
    """The nearest candidates with a departure in them."""
    departed = set(runs.loc[runs["stage"] == "departures", "setting"])
    every = _chosen(runs, len(departed) * size.judged + size.judged)
    return [one for one in every if departed & {one.biased, one.ema}][: size.departures_judged]


def _chosen(runs: pd.DataFrame, count: int) -> list[Candidate]:
    full = runs[runs["stage"] != "judged"]
    of_biased = {name: setting.of_biased.name for name, setting in settings_of(full).items()}
    return candidates(ranked(full, "biased"), ranked(full, "ema"), of_biased, count)


def _centres(runs: pd.DataFrame) -> tuple[Setting, Setting, Setting]:
    """The nearest setting of both together, of biased and of the EMA, among those run at all rho."""
    by_name = settings_of(runs)
    biased, ema = ranked(runs, "biased"), ranked(runs, "ema")
    of_biased = {name: setting.of_biased.name for name, setting in by_name.items()}
    together = [one for one in candidates(biased, ema, of_biased, 2) if one.together]
    nearest_ema = by_name[best_settings(ema, 1, rhos=4)[0]]
    return (
        by_name[together[0].ema] if together else nearest_ema,
        by_name[best_settings(biased, 1, rhos=4)[0]],
        nearest_ema,
    )


def _of_candidates(found: Iterable[Candidate], size: Size, runs: pd.DataFrame) -> list[Task]:
    seeds, by_name = parse_seeds(size.judge_seeds), settings_of(runs)
    settings = {variant: dict.fromkeys(by_name[getattr(one, variant)] for one in found) for variant in VARIANTS}
    return [
        Task(variant, (setting,), RHOS, tuple(seeds[first : first + _AT_ONCE]), size.epochs)
        for variant in VARIANTS
        for setting in settings[variant]
        for first in range(0, len(seeds), _AT_ONCE)
    ]


def _stacked(
    variant: str, settings: Iterable[Setting], rhos: tuple[float, ...], seeds: tuple[int, ...], epochs: int
) -> list[Task]:
    """A task for all settings that differ in their learning rate alone."""
    alike: dict[Setting, list[Setting]] = {}
    for setting in settings:
        alike.setdefault(replace(setting, learning_rate=1.0), []).append(setting)
    return [Task(variant, tuple(stack), rhos, seeds, epochs) for stack in alike.values()]


def _named(runs: pd.DataFrame, ranking: pd.DataFrame, count: int, rhos: int = 1) -> list[Setting]:
    by_name = settings_of(runs)
    return [by_name[name] for name in best_settings(ranking, count, rhos)]


def settings_of(runs: pd.DataFrame) -> dict[str, Setting]:
    """Every setting that was run, by its name."""
    columns = list(Setting.__dataclass_fields__)
    found = {}
    for row in runs.drop_duplicates("setting")[columns].to_dict("records"):
        values = {name: None if pd.isna(value) else value for name, value in row.items()}
        setting = Setting(**values)
        found[setting.name] = setting
        found.setdefault(setting.of_biased.name, setting.of_biased)
    return found


_STAGES: dict[str, Callable[[Size, pd.DataFrame], list[Task]]] = {
    "biased_099": _biased_099,
    "biased_095": _biased_095,
    "biased_rest": _biased_rest,
    "ema_099": _ema_099,
    "ema_rest": _ema_rest,
    "neighbours": _neighbours,
    "judged": _judged,
    "departures": _departures,
    "departures_judged": _departures_judged,
    "plausible": _plausible,
}
