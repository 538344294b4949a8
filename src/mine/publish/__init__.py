"""The published figures: copied beside what made them, and nothing that differs between two identical runs."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mine.errors import UserError
from mine.experiments import ALL, tables_of, targets
from mine.publish.benchmark_page import benchmark_page
from mine.publish.encoders import TABLES as ENCODER_TABLES
from mine.publish.encoders import check_encoders, encoder_table
from mine.publish.made_by import commit, config_hash, cpu_model, jobs, package_versions
from mine.publish.page import PICTURES_TABLES, page, pictures_part, with_figures
from mine.publish.parts import write_if_changed
from mine.publish.stairs import TABLES, check_stairs, read_frame
from mine.publish.summaries import describe, summary_files, summary_of

RECORD = "published.json"
PAGE = "README.md"
BENCHMARK_PAGE = "benchmark.md"
LEDGER_PAGE = "claims.md"
PAPERS_PAGE = "benchmark_claims.md"
_BESIDE_SUMMARIES = ("epochs",)
"""Tables of an experiment that are published beside its summary, where it has them."""

SEARCH_TABLES = ("ranking", "judged", "numbers", "moves", "plausible", "counts", "runs")
"""Of the search for the settings behind the write-up's pictures."""

OWN_TABLES = (
    *("estimates", "nulls", "aims"),
    *("benchmark", "benchmark_n", "benchmark_diffusion", "benchmark_peers"),
)
"""Of `mine estimate` and of the family of estimators on tasks of known mutual information."""

CONCEPTS_TABLES = ("known", "decision", "models", "interventions", "leakage", "penalised")
"""Of concept models and what leaks through them."""

FIGURE_KINDS = (".svg", ".pdf", ".png")

_OTHER_SEEDS = (
    "The figure counts over the seeds that judged its settings, the list over those of `pictures`, which were used for "
    "nothing else: so the two counts differ a little."
)


def publish(config: dict[str, Any], output: Path, root: Path = Path()) -> dict[str, Any]:
    """Copy a finished run's figures and summaries, and write down what made them.

    Written: every svg, pdf and png below {results}/figures at its place below ``output``; each experiment's summary as
    data/{experiment}_summary.parquet; the full ledger of claims where there is one (claims.md, claims.html,
    data/claims.parquet), and that of the papers' (benchmark_claims.*); a page with every figure and number; and
    published.json. A file whose bytes are the same is left alone. What was published before and is not made here is
    kept where it still belongs to the configuration: cells of an experiment, and the figures and ledger that were drawn
    from what is not here. A benchmark is kept whole. The record and the page say so. What else an earlier publication
    wrote (by its published.json) is removed; other files are not touched.

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
    made = _Made(results, output, earlier, sources)
    for name, experiment in config["experiments"].items():
        if "stairs" in tables_of(experiment):
            made.add_stairs(name, experiment)
        elif "encoders" in tables_of(experiment):
            made.add_encoders(name, experiment)
        else:
            made.add_runs(name, experiment, needed=name in targets(config, ALL))
    made.add_folder("search", SEARCH_TABLES)
    made.add_folder("own", OWN_TABLES)
    made.add_folder("concepts", CONCEPTS_TABLES)
    made.add_ledger()
    experiments, summaries, stairs, kept = made.experiments, made.summaries, made.stairs, made.kept

    kept = {name for name in kept if name not in sources or sources[name].is_relative_to(output)}
    kept = {name for name in kept if (output / name).is_file()}
    contents = {name: (output / name).read_bytes() for name in kept}
    contents |= {name: path.read_bytes() for name, path in sources.items()}
    contents |= summary_files(results, summaries)
    contents = dict(sorted(contents.items()))
    for page_of_claims in (LEDGER_PAGE, PAPERS_PAGE):
        if page_of_claims in contents:
            contents[page_of_claims] = with_figures(contents[page_of_claims].decode(), contents).encode()
    record = {
        "config_sha256": config_hash(config),
        "commit": commit(root),
        "cpu": {"model": cpu_model(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        "packages": package_versions(),
        "experiments": experiments,
        "jobs": jobs(results / "benchmarks"),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    if kept:
        before = earlier.get("kept", {})
        record["kept"] = {name: before.get(name, earlier["commit"]["sha"]) for name in sorted(kept)}

    frames = {name: summary.to_pandas() for name, summary in summaries.items()}
    tables = {name: encoder_table(encoders) for name, encoders in made.encoders.items()}
    contents[PAGE] = page(frames, contents, record, tables, _notes(made.sources, output)).encode()
    if stairs:
        by_table = {table: {name: of[table] for name, of in stairs.items()} for table in TABLES}
        contents[BENCHMARK_PAGE] = benchmark_page(by_table["scores"], by_table["stairs"], contents).encode()
    stale = _published_before(earlier, output) - set(contents)
    for name, content in contents.items():
        write_if_changed(output / name, content)
    for name in sorted(stale):
        (output / name).unlink(missing_ok=True)
    write_if_changed(output / RECORD, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
    return record


@dataclass
class _Made:
    """What is gathered for a publication. sources: published name to file; kept: published before, and to be kept."""

    results: Path
    output: Path
    earlier: dict[str, Any]
    sources: dict[str, Path]
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    summaries: dict[str, pa.Table] = field(default_factory=dict)
    stairs: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict)
    encoders: dict[str, pd.DataFrame] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def add_encoders(self, name: str, experiment: dict[str, Any]) -> None:
        """An experiment that trains encoders, where it was made or published."""
        made = {table: self.results / name / f"{table}.parquet" for table in ENCODER_TABLES}
        published = {table: self.output / "data" / f"{name}_{table}.parquet" for table in ENCODER_TABLES}
        files = made if made["encoders"].exists() else published
        if not files["encoders"].exists():
            return
        self.experiments[name] = check_encoders(files["encoders"], experiment)
        self.encoders[name] = read_frame(files["encoders"])
        self.sources |= {f"data/{name}_{table}.parquet": path for table, path in files.items()}
        if files is published:
            self._keep_runs(name, self.experiments[name]["runs"])
            self._keep(f"{name}/", f"data/{name}_")

    def add_stairs(self, name: str, experiment: dict[str, Any]) -> None:
        """An experiment that is judged stair by stair, where it was made or published."""
        if not (found := _stairs(self.results / name, self.output / "data", name)):
            return
        kept = not (self.results / name / "stairs.parquet").exists()
        self.experiments[name] = check_stairs(found["stairs"], experiment, kept=kept)
        self.stairs[name] = {table: read_frame(path) for table, path in found.items()}
        self.sources |= {f"data/{name}_{table}.parquet": path for table, path in found.items()}
        if kept:
            self._keep_runs(name, self.experiments[name]["runs"])
            self._keep(f"{name}/", f"data/{name}_")

    def add_runs(self, name: str, experiment: dict[str, Any], needed: bool) -> None:
        """An experiment with a summary. needed: whether it is refused where it was neither made nor published."""
        file, published = self.results / name / "summary.parquet", self.output / f"data/{name}_summary.parquet"
        if not needed and not file.exists() and not published.exists():
            return
        self.summaries[name], kept_rows = summary_of(file, published, experiment)
        self.experiments[name] = describe(self.summaries[name])
        if kept_rows:
            self._keep_runs(name, kept_rows)
            self._keep(f"{name}/", *(f"data/{name}_{table}.parquet" for table in _BESIDE_SUMMARIES))
        for table in _BESIDE_SUMMARIES:
            if (self.results / name / f"{table}.parquet").exists():
                self.sources[f"data/{name}_{table}.parquet"] = self.results / name / f"{table}.parquet"

    def add_folder(self, name: str, tables: tuple[str, ...]) -> None:
        """The tables of what is no experiment."""
        for table in tables:
            if (self.results / name / f"{table}.parquet").exists():
                self.sources[f"data/{name}_{table}.parquet"] = self.results / name / f"{table}.parquet"
            else:
                self._keep(f"{name}/", f"data/{name}_{table}.")

    def add_ledger(self) -> None:
        """The full ledger, what is drawn of frozen critics, and the ledger of the papers' claims."""
        ledger = self.results / "claims" / "full" / "claims.parquet"
        if ledger.exists():
            self.sources["data/claims.parquet"] = ledger
            self.sources |= {f"claims.{kind}": ledger.with_suffix(f".{kind}") for kind in ("md", "html")}
        else:
            self._keep("claims.", "data/claims.")
        if not ledger.exists() or not (self.results / "frozen").exists():
            self._keep("claims/")
        papers = self.results / "claims" / "papers" / "claims.parquet"
        if papers.exists():
            self.sources["data/benchmark_claims.parquet"] = papers
            self.sources |= {f"benchmark_claims.{kind}": papers.with_suffix(f".{kind}") for kind in ("md", "html")}
        else:
            self._keep("benchmark_claims.", "data/benchmark_claims.")

    def _keep(self, *beginnings: str) -> None:
        self.kept |= {file for file in self.earlier["files"] if file.startswith(beginnings)}

    def _keep_runs(self, name: str, runs: int) -> None:
        self.experiments[name] |= {"kept": runs, "kept_from": _kept_from(self.earlier, name)}


def _notes(sources: dict[str, Path], output: Path) -> dict[str, str]:
    """What stands below the search's figure: where ours in the write-up's form and its own agree."""
    files = {name: sources.get(f"data/{name}.parquet", output / f"data/{name}.parquet") for name in PICTURES_TABLES}
    if not all(file.exists() for file in files.values()):
        return {}
    agree = pictures_part(**{name: read_frame(file) for name, file in files.items()})
    return {"search": f"{_OTHER_SEEDS}\n\n{agree}"}


def _stairs(made: Path, published: Path, name: str) -> dict[str, Path]:
    """The files of an experiment's tables of stairs: those made, else those published; none where it has neither."""
    of_results = {table: made / f"{table}.parquet" for table in TABLES}
    of_output = {table: published / f"{name}_{table}.parquet" for table in TABLES}
    for files in (of_results, of_output):
        if files["stairs"].exists():
            return files
    return {}


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
