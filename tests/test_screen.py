"""Interrupts and screens: Ctrl-C is never lost, and nothing printed costs a result or shows a traceback."""

from __future__ import annotations

import io
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from children import heeding_interrupts
from factories import write_run

from mine import interrupts
from mine.cli import COMMANDS, main
from mine.errors import escaped
from mine.progress import ProgressLine
from mine.trace import read_metadata

SRC = Path(__file__).parents[1] / "src"
TINY = "train --variant ema --dim 1 --rho 0.9 --steps 4 --batch-size 8 --hidden 4 --seed 0 --output run.parquet"

# A library that is slow to import, and that catches all that goes wrong meanwhile, as many do.
SWALLOWS = """
import pathlib, time
try:
    pathlib.Path("importing").touch()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass
except BaseException:
    pathlib.Path("swallowed").touch()
"""


def mine(folder, *words, shell="", **environment):
    """Start ``python -m mine`` in a folder, with what a terminal gives to Ctrl-C, and maybe a redirection."""
    command = " ".join([sys.executable, "-m", "mine", *words, shell])
    with heeding_interrupts():
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            encoding="latin-1",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{folder}:{SRC}", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        )


def test_ctrl_c_inside_an_import_that_catches_everything_ends_the_command(tmp_path):
    (tmp_path / "torch.py").write_text(SWALLOWS)
    running = mine(tmp_path, *TINY.split())
    while not (tmp_path / "importing").exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (130, "", "mine: interrupted\n")
    assert not (tmp_path / "swallowed").exists()
    assert not (tmp_path / "run.parquet").exists()


def test_handlers_are_put_back_and_an_ignored_interrupt_stays_ignored():
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.default_int_handler, signal.SIG_IGN):
            signal.signal(signal.SIGINT, handler)
            with interrupts.heeded():
                inside = signal.getsignal(signal.SIGINT)
                assert (inside is signal.SIG_IGN) == (handler is signal.SIG_IGN)
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_screen_that_takes_nothing_is_one_line_after_the_result_is_written(tmp_path):
    done = mine(tmp_path, *TINY.split(), shell="> /dev/full")
    _, err = done.communicate(timeout=60)
    assert (tmp_path / "run.parquet").exists()
    assert done.returncode == 2
    assert err.splitlines()[-1] == "mine: error: standard output cannot be written (No space left on device)"
    assert "Traceback" not in err


@pytest.mark.parametrize("shell", ["> /dev/full", "> /dev/full 2>&1"])
def test_a_full_screen_of_a_command_that_only_prints(tmp_path, shell):
    done = mine(tmp_path, "figures", "--list", shell=shell)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 2
    assert err == "" or err.count("\n") == 1


def test_a_full_log_does_not_stop_a_training():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    line = ProgressLine(2, stream=Full())
    line.update(2, "done")
    line.close()


@pytest.mark.parametrize("shell", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_without_a_screen_a_command_ends_as_with_one(tmp_path, shell):
    done = mine(tmp_path, "figures", "--list", shell=shell)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0
    assert "Traceback" not in out + err


def test_without_a_screen_the_run_is_finished(tmp_path):
    done = mine(tmp_path, *TINY.split(), shell=">&- 2>&- <&-")
    done.communicate(timeout=60)
    assert done.returncode == 0
    assert read_metadata(tmp_path / "run.parquet")["outcome"] == "completed"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_greek_shows_escapes(tmp_path, encoding):
    config = SRC.parent / "config" / "smoke.yaml"
    done = mine(tmp_path, "status", "--config", shlex.quote(str(config)), "--cells", PYTHONIOENCODING=encoding)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, "")
    assert "\\u03c1" in out


def test_what_a_file_says_of_itself_cannot_write_on_the_terminal(tmp_path, capsys):
    path = write_run(tmp_path, metadata={"code": "\x1b[2Jabc", "packages": {"torch": "2\nx  y"}, "device": "cpu\u202e"})
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert "\\x1b[2Jabc" in text
    assert "torch 2\\nx  y" in text
    assert "\\u202e" in text
    assert all(line.isprintable() for line in text.splitlines())


def test_names_of_columns_cannot_write_on_the_terminal(tmp_path, capsys):
    (tmp_path / "data.csv").write_text('"a\x1b[2J","b\n"\n1,2\n3,4\n')
    assert main(["estimate", str(tmp_path / "data.csv"), "--x", "c", "--z", "d"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.strip("\n").isprintable()
    assert "a\\x1b[2J" in error


@pytest.mark.parametrize(
    ("text", "shown"),
    [("d = 5, ρ = 0.9", "d = 5, ρ = 0.9"), ("a\tb\n", "a\\tb\\n"), ("\x9b", "\\x9b"), ("\udcff", "\\udcff")],
)
def test_what_is_escaped(text, shown):
    assert escaped(text) == shown


def test_mine_alone_lists_every_command_by_what_a_person_wants(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines() if line.startswith("  mine ")] == list(COMMANDS)
    assert said.index("The mutual information of your own data") < said.index("The steps that `snakemake` takes")
