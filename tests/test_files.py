"""Files that appear whole: what is refused as a target, and what nobody else's file can do to one."""

from __future__ import annotations

import os

import pytest

from mine.errors import UserError
from mine.files import check_apart, check_distinct, check_writable, whole_files


def write(path):
    with whole_files(path) as (stream,):
        stream.write(b"new")


@pytest.mark.parametrize("refuse", [check_writable, write])
def test_what_is_no_regular_file_is_refused_and_stays(tmp_path, refuse):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/full")
    for path, what in ((pipe, "a pipe"), (link, "a device"), (tmp_path, "a folder")):
        with pytest.raises(UserError, match=rf"cannot be written \(it is {what}, no regular file\)"):
            refuse(path)
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize("refuse", [check_writable, write])
def test_a_name_too_long_for_its_temporary_is_refused(tmp_path, refuse):
    name = "n" * (os.pathconf(tmp_path, "PC_NAME_MAX") - 5)
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\)"):
        refuse(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_is_made_and_never_taken_over(tmp_path, monkeypatch):
    """Whoever knew its name could put a link there, through which another file would be written."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    monkeypatch.setattr("secrets.token_hex", lambda size: "known")
    (tmp_path / f".run.{os.getpid()}.known.tmp").symlink_to(victim)
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "run")
    assert victim.read_text() == "mine"


def test_two_temporaries_of_one_process_have_different_names(tmp_path):
    with whole_files(tmp_path / "run"):
        first = {entry.name for entry in tmp_path.iterdir()}
    with whole_files(tmp_path / "run"):
        assert {entry.name for entry in tmp_path.iterdir() if entry.name != "run"} != first


def test_a_file_by_another_spelling_is_the_same_file(tmp_path):
    (tmp_path / "run").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for other in (tmp_path / ".." / tmp_path.name / "run", tmp_path / "link"):
        with pytest.raises(UserError, match="is an input too"):
            check_apart([other], [tmp_path / "run"])
        with pytest.raises(UserError, match="two outputs at once"):
            check_distinct([other, tmp_path / "run"])
    check_apart([tmp_path / "new"], [tmp_path / "run", tmp_path / "none"])
