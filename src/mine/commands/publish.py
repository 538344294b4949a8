"""Copy a finished run's figures to the folder that the README shows, with what made them.

Beside the figures stand each experiment's summary (data/EXPERIMENT_summary.parquet), the ledger of claims where
`snakemake claims` has made the full one, and published.json: hash of the configuration, commit, hash of the training
code, CPU, package versions, runs and seeds. No timestamps: an unchanged figure stays an unchanged file. Figures of an
earlier publication that are made no more are removed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

HELP = "copy the figures of a finished run to the folder of published figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine publish``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("config/config.yaml"),
        metavar="FILE",
        help="configuration of the run (default: config/config.yaml)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("figures"), metavar="DIR", help="where to (default: figures)"
    )
    parser.add_argument(
        "--readme",
        type=Path,
        metavar="FILE",
        help="page whose parts 'claims', 'pictures', 'reach' and 'which' are to hold each claim's finding in a "
        "sentence, how far our pictures agree, how far off estimates of your own data are, and which estimator errs "
        "least",
    )
    parser.add_argument(
        "--estimate-page",
        type=Path,
        metavar="FILE",
        help="page whose part 'reach' is to hold the tables of `snakemake own`",
    )
    parser.add_argument(
        "--concepts-page",
        type=Path,
        metavar="FILE",
        help="page whose part 'concepts' is to hold the decision table of `snakemake concepts`",
    )
    parser.add_argument(
        "--which-page",
        type=Path,
        metavar="FILE",
        help="page whose part 'which' is to hold the decision table of `snakemake benchmark`",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.claims.ledger import plain_table
    from mine.config import load_config
    from mine.errors import UserError
    from mine.publish import publish
    from mine.publish.page import PICTURES_TABLES, pictures_sentence
    from mine.publish.parts import write_part
    from mine.publish.stairs import read_frame

    record = publish(load_config(arguments.config), arguments.output)
    if arguments.readme is not None:
        if "data/claims.parquet" not in record["files"]:
            raise UserError(f"{arguments.readme}: no full ledger of claims to show there; run `snakemake claims` first")
        write_part(arguments.readme, "claims", plain_table(read_frame(arguments.output / "data/claims.parquet")))
        if all(f"data/{name}.parquet" in record["files"] for name in PICTURES_TABLES):
            tables = {name: read_frame(arguments.output / f"data/{name}.parquet") for name in PICTURES_TABLES}
            write_part(arguments.readme, "pictures", pictures_sentence(**tables))
    _write_reach(arguments, record["files"])
    _write_which(arguments, record["files"])
    _write_concepts(arguments, record["files"])
    runs = sum(experiment["runs"] for experiment in record["experiments"].values())
    print(f"{len(record['files'])} files of {runs} runs in {arguments.output}")
    if record["commit"]["dirty"] or record["commit"]["sha"] is None:
        print("note: src, workflow or config have changes that no commit holds; published.json says so")


def _write_reach(arguments: argparse.Namespace, published: Mapping[str, str]) -> None:
    """What `snakemake own` found into the pages, where it was published."""
    from mine.publish.parts import write_part
    from mine.publish.stairs import read_frame
    from mine.reach.page import reach_part, sentence

    names = ("data/own_estimates.parquet", "data/own_aims.parquet")
    if not all(name in published for name in names):
        return
    estimates, aims = (read_frame(arguments.output / name) for name in names)
    if arguments.readme is not None:
        write_part(arguments.readme, "reach", sentence(estimates))
    if arguments.estimate_page is not None:
        write_part(arguments.estimate_page, "reach", reach_part(estimates, aims))


def _write_which(arguments: argparse.Namespace, published: Mapping[str, str]) -> None:
    """Which estimator for which data into the pages, where the benchmark was published."""
    from mine.publish.parts import write_part
    from mine.publish.stairs import read_frame
    from mine.reach.which import TABLES, sentence, which_part

    files = {name: f"data/own_{name}.parquet" for name in TABLES}
    if files[TABLES[0]] not in published:
        return
    tables = {name: read_frame(arguments.output / file) for name, file in files.items() if file in published}
    if arguments.readme is not None:
        write_part(arguments.readme, "which", sentence(tables))
    if arguments.which_page is not None:
        write_part(arguments.which_page, "which", which_part(tables, published))


def _write_concepts(arguments: argparse.Namespace, published: Mapping[str, str]) -> None:
    """What `snakemake concepts` found into its page, where it was published."""
    from mine.concepts.page import known_part, models_part, penalised_part
    from mine.publish.parts import write_part
    from mine.publish.stairs import read_frame

    names = [f"data/concepts_{table}.parquet" for table in ("decision", "penalised")]
    if arguments.concepts_page is None or not set(names) <= set(published):
        return
    decision, penalised = (read_frame(arguments.output / name) for name in names)
    write_part(arguments.concepts_page, "concepts", known_part(decision))
    write_part(arguments.concepts_page, "concept-models", models_part("concepts/concepts_leakage.svg" in published))
    write_part(arguments.concepts_page, "penalised", penalised_part(penalised))
