"""Damage inside a file that can be read: one line of every command that reads it, and nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from factories import write_run

from mine.cli import main
from mine.errors import UserError
from mine.experiments import expand
from mine.trace import SCHEMA as COLUMNS
from mine.trace import read_table, read_trace, write_table

ROOT = Path(__file__).parents[1]
EXPERIMENT = {
    "grid": {"variant": ["ema"], "dim": [2], "rho": [0.9], "seeds": "0-1"},
    "training": {"steps": 20, "eval_every": 10},
}
RUN = Path("results/one/runs/setting=base/critic=concat/variant=ema/task=gaussian/dim=2/rho=0.9/seed=0.parquet")
GRID = json.dumps(EXPERIMENT)
TABLES = [f"--{name}={name}.parquet" for name in ("summary", "curves", "evaluations")]


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """Two whole runs in the working directory, and the configuration that they are of."""
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(yaml.safe_dump({"experiments": {"one": EXPERIMENT}}))
    for run in expand(EXPERIMENT):
        write_run(Path("results/one/runs"), dim=2, seed=run.seed, training=run.training)


def changed(**columns):
    """RUN with the values of some columns replaced."""
    table = pq.read_table(RUN, partitioning=None)
    for name, values in columns.items():
        at, field = table.schema.get_field_index(name), table.schema.field(name)
        table = table.set_column(at, field, pa.array(np.broadcast_to(values, len(table)), type=field.type))
    write_table(RUN, table)


def described(raw):
    """RUN with these bytes as its metadata."""
    table = pq.read_table(RUN, partitioning=None)
    write_table(RUN, table.replace_schema_metadata({b"mine": raw}))


def of_run(**changes):
    """RUN's metadata, some keys replaced, or left out where None."""
    metadata = json.loads(pq.read_schema(RUN).metadata[b"mine"]) | changes
    return json.dumps({key: value for key, value in metadata.items() if value is not None or key not in changes})


def flip_a_byte_of_a_page():
    """Damage that neither the ends of the file nor a decompressor sees: a bit of an uncompressed page."""
    table = pq.read_table(RUN, partitioning=None)
    pq.write_table(table, RUN, compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(RUN.read_bytes())
    at = pq.read_metadata(RUN).row_group(0).column(COLUMNS.get_field_index("mi_batch")).data_page_offset
    content[at + 60] ^= 1
    RUN.write_bytes(content)


DAMAGE = {
    "a flipped bit": (flip_a_byte_of_a_page, "not a readable results file"),
    "metadata that is no JSON": (lambda: described(b"{cell"), "its metadata is no JSON"),
    "metadata that is not text": (lambda: described(b"\xff\xfe"), "its metadata is no JSON"),
    "metadata that is a list": (lambda: described(b"[2]"), "its metadata is no JSON object"),
    "no cell": (lambda: described(of_run(cell=None)), "its metadata has no 'cell'"),
    "no outcome": (lambda: described(of_run(outcome=None)), "its metadata has no 'outcome'"),
    "a cell that is a list": (lambda: described(of_run(cell=[1])), "its metadata has cell [1]"),
    "a step that is text": (lambda: described(of_run(overflow_step="3")), "its metadata has overflow_step '3'"),
    "no rows": (lambda: write_table(RUN, pq.read_table(RUN, partitioning=None)[:0]), "has no rows"),
    "another seed in the rows": (lambda: changed(seed=7), "holds rows of seed 7 in a run of seed 0"),
    "another truth in the rows": (lambda: changed(mi_true=3.0), "says mi_true 3 in a run whose truth is 1.660731207"),
    "a negative norm": (lambda: changed(grad_norm=-1.0), "grad_norm is -1 in a row; a norm is at least 0"),
    "another run": (lambda: RUN.write_bytes(RUN.with_name("seed=1.parquet").read_bytes()), "seed 1, its"),
}


@pytest.mark.parametrize("command", ["collect", "collect with the grid", "show", "status"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_it_is_one_line_of_every_command(capsys, command, damage):
    make, words = DAMAGE[damage]
    make()
    before = sorted(Path().rglob("*"))
    arguments = {
        "collect": ["collect", "results/one/runs", *TABLES],
        "collect with the grid": ["collect", "results/one/runs", "--grid", GRID, *TABLES],
        "show": ["show", str(RUN)],
        "status": ["status", "--config", "config.yaml", "--rows"],
    }[command]
    code = main(arguments)
    captured = capsys.readouterr()
    if command == "status":  # which counts what is damaged, and names it
        assert code == 1
        (line,) = [line.strip() for line in captured.out.splitlines() if str(RUN) in line]
    else:
        assert code == 2
        assert captured.err.count("\n") == 1
        line = captured.err.removeprefix("mine: error: ")
    assert line.startswith(f"{RUN}: ")
    assert words in line
    assert sorted(Path().rglob("*")) == before


def test_status_sees_a_file_without_rows_by_its_end_alone(capsys):
    DAMAGE["no rows"][0]()
    assert main(["status", "--config", "config.yaml"]) == 1
    assert "has no rows" in capsys.readouterr().out


def test_traces_and_tables_are_written_with_checksums():
    """A page whose checksum is right and whose values are not is found; so the writers must have put one there."""
    content = RUN.read_bytes()
    metadata = pq.read_metadata(RUN).row_group(0).column(COLUMNS.get_field_index("step"))
    start, end = metadata.data_page_offset, metadata.data_page_offset + metadata.total_compressed_size
    found = 0
    for at in range(start, end):
        RUN.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        try:
            whole = read_trace(RUN).frame["step"].tolist() == list(range(1, 22))
        except UserError:
            found += 1
        else:
            # A bit of a header that says nothing of the values, such as its statistics.
            assert whole
    assert found > (end - start) / 2


def test_a_table_with_a_damaged_page_is_refused(capsys):
    assert main(["collect", "results/one/runs", *TABLES]) == 0
    capsys.readouterr()
    path = Path("curves.parquet")
    column = pq.read_metadata(path).row_group(0).column(6)
    at = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[at + column.total_compressed_size - 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"curves\.parquet: not a readable table"):
        read_table(path)
