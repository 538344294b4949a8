"""results.json as the tables of benchmarks/README.md, a short one first.

Every number comes from results.json; what was not measured is called so.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mine.publish.parts import filled

NOT_MEASURED = "not measured"
PLAIN_LOOP = "benchmarks/contenders/plain_loop.py"

MEMORY_MB = 1000
"""What `mine collect` may take for 10,000 runs."""

PLANNING_SECONDS, PLANNING_MB = 30, 500
"""What a dry run of 10,000 runs may take, and `mine status` on as many."""

# Time may grow by so much more than the number of runs and still be called linear: a growth with the square would
# be ten times as much from one size to the next.
LINEAR = 1.5


def pages(results: dict[str, Any], root: Path) -> dict[Path, str]:
    """The page's file and what it should hold: its text with the parts between its markers made anew."""
    page = root / "benchmarks/README.md"
    plain_loop = (root / PLAIN_LOOP).read_text(encoding="utf-8")
    parts = {**sections(results), "plain-loop": f"```python\n{plain_loop}```", "speed-short": short_table(results)}
    return {page: filled(page.read_text(encoding="utf-8"), parts)}


def sections(results: dict[str, Any]) -> dict[str, str]:
    """Every part of benchmarks/README.md that is made from results."""
    makers: dict[str, Callable[[Any], str]] = {
        "speed": speed_table,
        "family": family_table,
        "gpu": gpu_table,
        "profile": profile_table,
        "startup": startup_table,
        "collect": collect_table,
        "planning": planning_table,
    }
    parts = {}
    for name, make in makers.items():
        measured = results.get(name)
        text = make(measured["data"]) if measured and measured["data"] else f"{NOT_MEASURED.capitalize()}."
        parts[name] = f"{text}\n\n{_provenance(measured)}" if measured else text
    parts["aims"] = aims_table(results)
    parts["compile"] = compile_text(results)
    return parts


# ---------------------------------------------------------------- ratios


def ratios(contenders: dict[str, Any], slow: str, fast: str) -> list[float]:
    """Round by round, how many times as long an update takes in one contender as in another; [] if not measured."""
    pair = [contenders.get(name, {}).get("ms", []) for name in (slow, fast)]
    return [one / other for one, other in zip(*pair, strict=False)]


def spread(values: Sequence[float], digits: int = 2, unit: str = "") -> str:
    """Median and range."""
    if not values:
        return NOT_MEASURED
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]"


def scaling(contenders: dict[str, Any], stack: str) -> list[float]:
    """Round by round, how much more all cores do than one."""
    copies = contenders.get(stack, {}).get("copies", 0)
    return [copies * ratio for ratio in ratios(contenders, "one-core", stack)]


# ---------------------------------------------------------------- parts


def speed_table(data: dict[str, Any]) -> str:
    contenders = data["contenders"]
    rows = []
    for name, measured in contenders.items():
        if "error" in measured:
            rows.append([measured["label"], measured["error"], *[""] * 6])
            continue
        rows.append(
            [
                measured["label"],
                spread(measured["ms"], 3),
                f"{1000 / statistics.median(measured['ms']):,.0f}",
                spread(ratios(contenders, "plain", name)),
                spread(ratios(contenders, name, "floor")),
                spread(measured["whole_ms"], 3),
                _mean_sd(measured["estimates"]) if measured["estimates"] else "",
                f"{measured['peak_mb']:.0f}",
            ]
        )
    head = [
        "contender", "ms an update of one critic", "updates a second and core", "× plain loop", "× floor's time",
        "ms, set-up included", f"its own estimate, nats (truth {data['truth']:.2f})", "peak MB a process",
    ]  # fmt: skip
    return f"{_table(head, rows)}\n\n{_rounds(data)}"


def family_table(data: dict[str, Any]) -> str:
    contenders = data["contenders"]
    rows = []
    for name, measured in contenders.items():
        if "error" in measured:
            rows.append([measured["label"], measured["error"], *[""] * 4])
            continue
        ours = f"{name.partition('-')[0]}-{data['default_stack']}"
        rows.append(
            [
                measured["label"],
                spread(measured["ms"], 3),
                spread(ratios(contenders, name, "floor")),
                spread(ratios(contenders, name, ours)) if ours in contenders else "",
                _mean_sd(measured["estimates"]) if measured["estimates"] else "",
                f"{measured['peak_mb']:.0f}",
            ]
        )
    head = [
        "contender", "ms an update of one critic", "× floor's time", f"× ours in a stack of {data['default_stack']}",
        f"its own estimate, nats (truth {data['truth']:.2f})", "peak MB a process",
    ]  # fmt: skip
    return f"{_table(head, rows)}\n\n{_rounds(data)}"


def gpu_table(data: dict[str, Any]) -> str:
    contenders = data["contenders"]
    rows = [["plain loop", _ms(contenders, "plain"), "", "", ""]]
    for size in sorted(int(name.removeprefix("stack-")) for name in contenders if name.startswith("stack-")):
        ours, floor = f"stack-{size}", f"floor-{size}"
        rows.append(
            [
                f"{size:,}", _ms(contenders, ours), _ms(contenders, floor),
                spread(ratios(contenders, ours, floor)), spread(ratios(contenders, "plain", ours)),
            ]
        )  # fmt: skip
    head = ["stack", "ms an update of one critic", "matrix products alone", "× their time", "× plain loop on it"]
    return f"{data['name']}\n\n{_table(head, rows)}"


def profile_table(data: dict[str, Any]) -> str:
    rows = [[row["operation"], f"{row['share']:.1%}", f"{row['calls']:.1f}"] for row in data["operations"]]
    note = f"Matrix products: {data['products']:.0%} of the time, in a stack of {data['stack']}."
    return f"{_table(['operation', 'share of the time', 'calls an update'], rows)}\n\n{note}"


def startup_table(data: dict[str, Any]) -> str:
    smoke = data["smoke"]
    rows = [
        [f"mine {name}", f"{data['jobs'][name]}", f"{seconds:.2f} s"] for name, seconds in data["import_cpu"].items()
    ]
    rows.append(["snakemake, planning", "1", f"{data['snakemake_cpu']:.2f} s"])
    published = data["published_jobs"]
    note = (
        f"`make smoke`: {smoke['wall']:.0f} s of wall time, {smoke['cpu']:.0f} s of CPU time, of which start-up is "
        f"{data['share']:.0%}. The published run: {published['jobs']} training jobs of together "
        f"{published['seconds'] / 60:.0f} minutes, of which start-up is {data['published_share']:.1%}."
    )
    return f"{_table(['process', 'how many in smoke', 'CPU time before it computes'], rows)}\n\n{note}"


def collect_table(data: list[dict[str, Any]]) -> str:
    rows = [
        [
            row["layout"], f"{row['runs']:,}", f"{row['wall']:.1f} s", f"{1000 * row['wall'] / row['runs']:.1f} ms",
            f"{row['peak_mb']:.0f} MB",
        ]
        for row in data
    ]  # fmt: skip
    return _table(["layout", "runs", "wall time", "a run", "peak memory"], rows)


def planning_table(data: dict[str, Any]) -> str:
    runs, more = f"{data['runs']:,}", data["one_more"]
    plans = [(f"{runs} runs, {row['runs_per_job']} a job", row) for row in data["plans"]]
    plans.append((f"{runs} runs, all of them finished", data["finished"]))
    plans.append((f"one seed more in each of the {data['cells']:,} cells", more))
    rows = [
        [what, f"{sum(row['jobs'].values()):,}", f"{row['wall']:.1f} s", f"{row['peak_mb']:.0f} MB"]
        for what, row in plans
    ]
    status = data["status"]
    rows.append([f"`mine status`, {runs} runs", "", f"{status['wall']:.1f} s", f"{status['peak_mb']:.0f} MB"])
    note = (
        f"Of the jobs for one seed more, {more['own']:,} train it (one a cell), {more['other']:,} train a seed that "
        f"was there, and {sum(more['jobs'].values()) - more['own'] - more['other']:,} make tables anew."
    )
    return f"{_table(['`snakemake --dry-run`', 'jobs', 'wall time', 'peak memory'], rows)}\n\n{note}"


def compile_text(results: dict[str, Any]) -> str:
    """What torch.compile's start costs, with nothing cached and from its cache."""
    measured = results.get("speed")
    contenders = measured["data"]["contenders"] if measured else {}
    default = f"stack-{measured['data']['default_stack']}" if measured else ""
    compiled = contenders.get("compiled", {})
    if len(compiled.get("start_seconds", [])) < 2:
        return f"torch.compile: {compiled.get('error', NOT_MEASURED)}."
    usual = statistics.median(contenders[default]["start_seconds"])
    cold, *warm = (seconds - usual for seconds in compiled["start_seconds"])
    return (
        f"torch.compile: its first call takes {cold:.0f} s more with nothing cached (once), "
        f"{spread(warm, 1, ' s')} more from a cache on disk (in every process); an update then takes "
        f"{spread(ratios(contenders, 'compiled', default))} times the time that it takes as shipped."
    )


def aims(results: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """Each aim: what it is, the measured value, and whether it was reached (None: not measured)."""
    measured = results.get("speed")
    data = measured["data"] if measured else {"contenders": {}, "default_stack": 0}
    contenders, stack = data["contenders"], f"stack-{data['default_stack']}"

    def at_least(values: Sequence[float], aim: float) -> tuple[str, str, bool | None]:
        return f"≥ {aim:g}", spread(values), statistics.median(values) >= aim if values else None

    def at_most(values: Sequence[float], aim: float) -> tuple[str, str, bool | None]:
        return f"≤ {aim:g}", spread(values), statistics.median(values) <= aim if values else None

    rows = [
        ("stack, × plain loop", *at_least(ratios(contenders, "plain", stack), 2.5)),
        ("stack, × the matrix products' time", *at_most(ratios(contenders, stack, "floor"), 2.0)),
        ("alone, × plain loop", *at_least(ratios(contenders, "plain", "stack-1"), 1.4)),
        ("stack, × torch-mist", *at_least(ratios(contenders, "torch-mist", stack), 2.0)),
        ("stack, × benchmark-mi", *at_least(ratios(contenders, "benchmark-mi", stack), 12.0)),
        ("all cores, × one core", *at_least(scaling(contenders, stack), 1.7)),
    ]
    if startup := results.get("startup"):
        for name, key in (("published run", "published_share"), ("smoke", "share")):
            share = startup["data"][key]
            rows.append((f"start-up, share of the CPU time, {name}", "< 10 %", f"{share:.1%}", share < 0.1))
    if collected := results.get("collect"):
        peak = max(row["peak_mb"] for row in collected["data"])
        rows.append(
            ("`mine collect`, peak memory", f"< {MEMORY_MB:,} MB", f"{peak:.0f} MB", peak < MEMORY_MB),
        )
        growth = collect_growth(collected["data"])
        rows.append(
            ("`mine collect`, time a run from 1,000 to 10,000 runs", f"× at most {LINEAR:g}",
             f"× {growth:.2f}", growth <= LINEAR)
        )  # fmt: skip
    if planned := results.get("planning"):
        plans, more = planned["data"]["plans"], planned["data"]["one_more"]
        for what, slowest in (("dry run", max(row["wall"] for row in (*plans, planned["data"]["finished"], more))),
                              ("`mine status`", planned["data"]["status"]["wall"])):  # fmt: skip
            rows.append(
                (f"10,000 runs, {what}", f"< {PLANNING_SECONDS} s", f"{slowest:.1f} s", slowest < PLANNING_SECONDS)
            )
        peak = max(row["peak_mb"] for row in (*plans, planned["data"]["finished"], more, planned["data"]["status"]))
        rows.append(("10,000 runs, peak memory", f"< {PLANNING_MB} MB", f"{peak:.0f} MB", peak < PLANNING_MB))
        rows.append(
            ("one seed more, training jobs beside its own", "0", f"{more['other']:,}",
             more["other"] == 0 and more["own"] == planned["data"]["cells"])
        )  # fmt: skip
    gpu = results.get("gpu")
    best = gpu_best(gpu["data"]["contenders"]) if gpu and gpu["data"] else []
    rows.append(("GPU, best stack, × the matrix products' time", *at_most(best, 4.0)))
    return rows


def gpu_best(contenders: dict[str, Any]) -> list[float]:
    """Rounds' ratios to the matrix products of the stack that takes least time an update."""
    ours = {name: statistics.median(each["ms"]) for name, each in contenders.items()
            if name.startswith("stack-") and "ms" in each}  # fmt: skip
    if not ours:
        return []
    best = min(ours, key=ours.__getitem__)
    return ratios(contenders, best, best.replace("stack", "floor"))


def collect_growth(rows: Sequence[dict[str, Any]]) -> float:
    """How much longer a run takes to be read in the largest folder than in the next smaller one; of the worse layout.

    The smallest is left out: start-up is most of its time.
    """
    growths = []
    for layout in {row["layout"] for row in rows}:
        sizes = sorted((row for row in rows if row["layout"] == layout), key=lambda row: row["runs"])
        before, after = (row["wall"] / row["runs"] for row in sizes[-2:])
        growths.append(after / before)
    return max(growths)


def aims_table(results: dict[str, Any]) -> str:
    words = {True: "yes", False: "**no**", None: NOT_MEASURED}
    return _table(["aim", "", "measured", "reached"], [[*row[:3], words[row[3]]] for row in aims(results)])


def short_table(results: dict[str, Any]) -> str:
    """The few rows that matter first."""
    measured = results.get("speed")
    if not measured:
        return f"Speed: {NOT_MEASURED}."
    data = measured["data"]
    contenders, stack = data["contenders"], f"stack-{data['default_stack']}"
    names = ["plain", "torch-mist", "benchmark-mi", "stack-1", stack, "floor"]
    rows = []
    for name in names:
        each = contenders[name]
        if "error" in each:
            rows.append([each["label"], NOT_MEASURED, ""])
        else:
            rows.append([each["label"], spread(each["ms"]), spread(ratios(contenders, name, stack), 1)])
    gpu = results.get("gpu")
    best = gpu_best(gpu["data"]["contenders"]) if gpu and gpu["data"] else []
    rows.append(["on a GPU, best stack, × the matrix products' time there", "", spread(best, 1)])
    return _table(["", "ms an update of one critic", f"time, ours in a stack of {data['default_stack']} = 1"], rows)


def _ms(contenders: dict[str, Any], name: str) -> str:
    each = contenders.get(name, {})
    return each.get("error") or spread(each.get("ms", []), 4)


def _rounds(data: dict[str, Any]) -> str:
    rounds = max(len(measured.get("ms", [])) for measured in data["contenders"].values())
    return f"Median [lowest, highest] of {rounds} rounds; {data['steps']:,} updates; estimates as mean ± sd over seeds."


def _mean_sd(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.2f}{deviation} ({len(values)})"


def _provenance(measured: dict[str, Any]) -> str:
    machine = measured["machine"]
    sha = (measured["commit"]["sha"] or "unknown")[:12]
    changed = " with uncommitted changes" if measured["commit"]["dirty"] else ""
    return (
        f"*{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, torch {machine['torch']}, "
        f"commit {sha}{changed}.*"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(re.sub('[|]', '/', cell) for cell in line)} |" for line in lines)


def load(path: Path) -> dict[str, Any]:
    """results.json."""
    return json.loads(path.read_text(encoding="utf-8"))
