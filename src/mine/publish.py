"""The published figures: copied beside what made them, and nothing that differs between two identical runs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mine.errors import UserError
from mine.estimators.planning import cells as planned_cells
from mine.estimators.planning import stairs_of
from mine.experiments import expand, targets
from mine.files import whole_files
from mine.published_benchmark import benchmark_page
from mine.published_page import page
from mine.settings import TrainingSettings
from mine.summary import SUMMARY_SCHEMA
from mine.trace import WRITING, read_table

RECORD = "published.json"
PAGE = "README.md"
BENCHMARK_PAGE = "benchmark.md"
_OF_BENCHMARK = ("scores", "stairs")
_BESIDE_SUMMARIES = ("epochs",)
"""Tables of an experiment that are published beside its summary, where it has them."""

SEARCH_TABLES = ("ranking", "judged", "numbers", "moves", "plausible", "counts", "runs")
"""Of the search for the settings behind the write-up's pictures."""

FIGURE_KINDS = (".svg", ".pdf", ".png")
PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "seaborn", "snakemake")
CODE = ("src", "workflow", "config")
"""Folders whose uncommitted changes make the record say "dirty"."""


def publish(config: dict[str, Any], output: Path, root: Path = Path()) -> dict[str, Any]:
    """Copy a finished run's figures and summaries, and write down what made them.

    Written: every svg, pdf and png below {results}/figures at its place below ``output``; each experiment's summary
    as data/{experiment}_summary.parquet; the full ledger of claims where there is one (claims.md, claims.html,
    data/claims.parquet); a page with every figure and number; and published.json. A file whose bytes are the same is
    left alone. What was published before and is not made here is kept where it still belongs to the configuration:
    cells of an experiment, and the figures, benchmarks and ledger that were drawn from what is not here; the record and
    the page say so. What else an earlier publication wrote (by its published.json) is removed; other files are not
    touched.

    Args:
        config: the configuration, with ``results`` and ``experiments``.
        output: folder of the published figures.
        root: folder that ``results`` is relative to, and in which git is asked.

    Returns:
        What published.json holds.

    Raises:
        UserError: no figures, a summary that is missing and was never published, cannot be read or is not what the
            configuration asks for, or an output that cannot be written.
    """
    results = root / config["results"]
    figures = sorted(path for path in (results / "figures").rglob("*") if path.suffix in FIGURE_KINDS)
    if not figures:
        raise UserError(f"{results / 'figures'}: holds no svg, pdf or png; run `make reproduce` first")
    earlier = _record(output)
    sources = {path.relative_to(results / "figures").as_posix(): path for path in figures}
    experiments, summaries, kept = {}, {}, set()
    for name, experiment in config["experiments"].items():
        file, published = results / name / "summary.parquet", output / f"data/{name}_summary.parquet"
        if name not in targets(config, "all") and not file.exists() and not published.exists():
            continue  # made by a target of its own, and not made
        summaries[name], kept_rows = _summary(file, published, experiment)
        experiments[name] = _describe(summaries[name])
        if kept_rows:
            experiments[name] |= {"kept": kept_rows, "kept_from": _kept_from(earlier, name)}
            kept |= {file for file in earlier["files"] if file.startswith(f"{name}/")}
        for table in _BESIDE_SUMMARIES:
            if (results / name / f"{table}.parquet").exists():
                sources[f"data/{name}_{table}.parquet"] = results / name / f"{table}.parquet"
    for table in SEARCH_TABLES:
        if (results / "search" / f"{table}.parquet").exists():
            sources[f"data/search_{table}.parquet"] = results / "search" / f"{table}.parquet"
        else:
            kept |= {file for file in earlier["files"] if file.startswith(("search/", f"data/search_{table}."))}
    ledger = results / "claims" / "full" / "claims.parquet"
    if ledger.exists():
        sources["data/claims.parquet"] = ledger
        sources |= {f"claims.{kind}": ledger.with_suffix(f".{kind}") for kind in ("md", "html")}
    else:
        kept |= {file for file in earlier["files"] if file.startswith(("claims.", "data/claims."))}
    if not ledger.exists() or not (results / "frozen").exists():
        kept |= {file for file in earlier["files"] if file.startswith("claims/")}

    benchmarks = _benchmarks(results, config)
    for name in benchmarks:
        sources |= {
            f"data/benchmark_{name}_{t}.parquet": results / "benchmark" / name / f"{t}.parquet" for t in _OF_BENCHMARK
        }
    if not benchmarks and config.get("benchmark"):
        benchmarks = earlier.get("benchmark", {})
        of_benchmark = ("benchmark/", "data/benchmark_", BENCHMARK_PAGE)
        kept |= {file for file in (*earlier["files"], BENCHMARK_PAGE) if file.startswith(of_benchmark)}

    kept = {name for name in kept - set(sources) if (output / name).is_file()}
    contents = {name: (output / name).read_bytes() for name in kept}
    contents |= {name: path.read_bytes() for name, path in sources.items()}
    contents |= _summary_files(results, summaries)
    contents = dict(sorted(contents.items()))
    record = {
        "config_sha256": config_hash(config),
        "commit": commit(root),
        "cpu": {"model": cpu_model(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        "packages": package_versions(),
        "experiments": experiments,
        "benchmark": benchmarks,
        "jobs": jobs(results / "benchmarks"),
        "files": {
            name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if name != BENCHMARK_PAGE
        },
    }
    if kept:
        before = earlier.get("kept", {})
        record["kept"] = {name: before.get(name, earlier["commit"]["sha"]) for name in sorted(kept)}

    frames = {name: summary.to_pandas() for name, summary in summaries.items()}
    contents[PAGE] = page(frames, contents, record).encode()
    if benchmarks and BENCHMARK_PAGE not in kept:
        tables = {
            t: {name: _frame(results / "benchmark" / name / f"{t}.parquet") for name in benchmarks}
            for t in _OF_BENCHMARK
        }
        contents[BENCHMARK_PAGE] = benchmark_page(tables["scores"], tables["stairs"], contents).encode()
    stale = _published_before(earlier, output) - set(contents)
    for name, content in contents.items():
        _write_if_changed(output / name, content)
    for name in sorted(stale):
        (output / name).unlink(missing_ok=True)
    _write_if_changed(output / RECORD, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
    return record


def write_part(path: Path, name: str, part: str) -> None:
    """Put ``part`` between a page's markers of that name, see ``filled``.

    Raises UserError where they are not there, or the page cannot be read or written.
    """
    try:
        text = filled(path.read_text(encoding="utf-8"), {name: part})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    _write_if_changed(path, text.encode())


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each ``<!-- made: NAME -->`` ... ``<!-- end: NAME -->`` holding the part of that name.

    Raises ValueError unless both markers of every part stand in the text once.
    """
    for name, part in parts.items():
        begin, end = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{begin} ... {end} must stand in the page once")
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{part.strip()}\n{end}{after}"
    return text


def config_hash(config: dict[str, Any]) -> str:
    """SHA-256 (hex) of the configuration as canonical JSON: keys sorted, no blanks. Comments do not count."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def commit(root: Path) -> dict[str, Any]:
    """The commit that stands checked out in ``root``, and whether what is published could come from other code.

    Returns:
        {"sha": hex or None outside a repository or before its first commit, "dirty": whether src, workflow or
        config have uncommitted changes, None where that is unknown}.
    """
    head = _git(root, "rev-parse", "--verify", "HEAD")
    status = _git(root, "status", "--porcelain", "--", *CODE)
    return {"sha": head, "dirty": None if status is None else bool(status)}


def cpu_model() -> str:
    """Model name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def package_versions() -> dict[str, str]:
    """Installed versions of what the results depend on; without local tags, which name a build and not a version."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return versions


def _summary(file: Path, published: Path, experiment: dict[str, Any]) -> tuple[pa.Table, int]:
    """An experiment's summary, held against the configuration, and how many of its rows were published before.

    Cells that the results do not have keep their published rows. Raises UserError where neither has them.
    """
    made = _read_summary(file, upgrade=False) if file.exists() or not published.exists() else None
    held = set() if made is None else _check_rows(file, made, experiment)
    before = _read_summary(published, upgrade=True) if published.exists() else None
    planned = {key: place for place, key in enumerate(_planned(experiment))}
    if held != set(planned) and before is not None:
        keep = [key in planned and key not in held for key in _keys(before)]
        cells = {key[:4] for key in held}
        # A cell comes from one publication: seeds of two are not pooled.
        keep = [good and key[:4] not in cells for good, key in zip(keep, _keys(before), strict=True)]
        rows = before.filter(pa.array(keep, pa.bool_()))
        held |= _check_rows(published, rows, experiment)
        made = rows if made is None else pa.concat_tables([made, rows])
        places = [planned[key] for key in _keys(made)]
        made = made.take(sorted(range(len(made)), key=places.__getitem__))
    else:
        rows = None
    if held != set(planned):
        raise UserError(
            f"{file}: holds {len(held)} runs, {len(held & set(planned))} of them among the {len(planned)} of "
            "the configuration; run `make reproduce` again"
        )
    return made, 0 if rows is None else len(rows)


def _summary_files(results: Path, summaries: dict[str, pa.Table]) -> dict[str, bytes]:
    """Published name to bytes of each experiment's summary: those of the results, where nothing was added to them."""
    found = {}
    for name, summary in summaries.items():
        file = results / name / "summary.parquet"
        if file.exists() and pq.read_metadata(file).num_rows == len(summary):
            found[f"data/{name}_summary.parquet"] = file.read_bytes()
            continue
        stream = io.BytesIO()
        pq.write_table(summary, stream, **WRITING)
        found[f"data/{name}_summary.parquet"] = stream.getvalue()
    return found


def _read_summary(summary: Path, upgrade: bool) -> pa.Table:
    """A summary of this version. upgrade: one of an earlier version too, without settings that it did not know."""
    table = read_table(summary, "summary")
    if upgrade:
        defaults = TrainingSettings().to_dict()
        for field in SUMMARY_SCHEMA:
            if field.name not in table.column_names and field.name in defaults:
                value = defaults[field.name]
                value = str(value) if field.type == pa.string() and value is not None else value
                table = table.append_column(field.name, pa.array([value] * len(table), field.type))
        if set(table.column_names) == set(SUMMARY_SCHEMA.names):
            table = table.select(SUMMARY_SCHEMA.names).cast(SUMMARY_SCHEMA)
    if table.column_names != SUMMARY_SCHEMA.names:
        raise UserError(f"{summary}: not a summary of this version; run `make reproduce` again")
    return table


def _describe(table: pa.Table) -> dict[str, Any]:
    """What published.json says of one experiment."""
    frame = table.to_pandas(ignore_metadata=True)
    return {
        "runs": len(frame),
        "seeds": int(frame["seed"].nunique()),
        "overflow": int(frame["overflow_step"].notna().sum()),
        "runaway": int(frame["runaway_step"].notna().sum()),
        "training_code": sorted(frame["code"].dropna().unique()),
        "device": sorted(frame["device"].dropna().unique()),
    }


def _benchmarks(results: Path, config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What published.json says of each benchmark that was made, its stairs held against the configuration."""
    described = {}
    for name, benchmark in config.get("benchmark", {}).items():
        path = results / "benchmark" / name / "stairs.parquet"
        if not path.exists():
            continue
        stairs = _frame(path)
        trained = stairs[stairs["critic"] != "baseline"]
        held = set(trained[["critic", "variant", "task", "dim", "seed", "mi_true"]].itertuples(index=False, name=None))
        cells = [tuple(cell.__dict__.values()) for cell in planned_cells(benchmark)]
        planned = {(*cell, mi) for cell in cells for mi in stairs_of(benchmark)}
        if held != planned:
            raise UserError(
                f"{path}: holds {len(held)} stairs, {len(held & planned)} of them among the {len(planned)} of the "
                "configuration; run `snakemake benchmark` again"
            )
        described[name] = {
            "runs": len(cells),
            "seeds": int(trained["seed"].nunique()),
            "overflow": int((trained["outcome"] == "overflow").sum()),
            "training_code": sorted(trained["code"].dropna().unique()),
            "device": sorted(trained["device"].dropna().unique()),
        }
    return described


def _frame(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, partitioning=None, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a readable table ({str(error).strip().splitlines()[0]})") from None


_Key = tuple[str, str, int, float, int]


def _planned(experiment: dict[str, Any]) -> dict[_Key, dict[str, Any]]:
    """Every run of the configuration, in the order of its grid, to its settings."""
    return {
        (run.setting, run.variant, run.dim, float(run.rho), run.seed): run.training.to_dict()
        for run in expand(experiment)
    }


def _keys(table: pa.Table) -> list[_Key]:
    columns = [table[name].to_pylist() for name in ("setting", "variant", "dim", "rho", "seed")]
    return list(zip(*columns, strict=True))


def _check_rows(summary: Path, table: pa.Table, experiment: dict[str, Any]) -> set[_Key]:
    """The runs that a summary holds.

    Raises UserError for one that the configuration does not make, or makes with other settings: it would be
    published under a wrong configuration.
    """
    planned, frame = _planned(experiment), table.to_pandas(ignore_metadata=True)
    keys = _keys(table)
    if foreign := set(keys) - set(planned):
        raise UserError(
            f"{summary}: holds {len(keys)} runs, {len(keys) - len(foreign)} of them among the {len(planned)} of "
            "the configuration; run `make reproduce` again"
        )
    for row, key in enumerate(keys):
        for setting, value in planned[key].items():
            found = frame.at[row, setting]
            same = pd.isna(found) if value is None else str(found) == str(value) or found == value
            if not same:
                raise UserError(
                    f"{summary}: made with {setting} {found} in setting {key[0]!r}, the configuration says {value}; "
                    "run `make reproduce` again"
                )
    return set(keys)


def _kept_from(earlier: dict[str, Any], name: str) -> str | None:
    """Commit of the publication that an experiment's rows are kept from: the last one that made some of them."""
    before = earlier.get("experiments", {}).get(name, {})
    return before["kept_from"] if before.get("kept") == before.get("runs", 0) else earlier.get("commit", {}).get("sha")


def _record(output: Path) -> dict[str, Any]:
    """The last publication's record, one without files where there is none."""
    try:
        record = json.loads((output / RECORD).read_text())
        return {**record, "files": dict(record["files"])}
    except FileNotFoundError:
        return {"files": {}}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{output / RECORD}: not a record of published figures; move it away") from None


def _published_before(record: dict[str, Any], output: Path) -> set[str]:
    """Files below ``output`` that the last publication wrote. Names that lead out of the folder are not believed."""
    inside = output.resolve()
    return {name for name in record["files"] if (output / name).resolve().is_relative_to(inside)}


def _write_if_changed(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    with whole_files(path) as (stream,):
        stream.write(content)


def jobs(benchmarks: Path) -> dict[str, dict[str, int]]:
    """Each rule's jobs, by Snakemake's benchmark files: how many ``jobs``, and their wall ``seconds`` together.

    Each keeps one core busy. A resumed run counts as much as an undisturbed one.
    """
    counted: dict[str, dict[str, int]] = {}
    for rule in sorted(path for path in benchmarks.glob("*") if path.is_dir()):
        tables = [pd.read_csv(path, sep="\t") for path in sorted(rule.rglob("*.tsv"))]
        counted[rule.name] = {"jobs": len(tables), "seconds": round(sum(table["s"].sum() for table in tables))}
    return counted


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
