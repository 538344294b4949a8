"""docs/tasks.md: the numbers it prints are those of its own block, its ranges those of the factories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mine.baselines import BASELINES
from mine.tasks import TASKS
from mine.tasks.student_t import common_scale

PAGE = (Path(__file__).parents[2] / "docs/tasks.md").read_text(encoding="utf-8")


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_table_of_baselines_is_what_its_block_prints(capsys):
    *_, before_last, last = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    first = re.search(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)[1]
    exec(first + before_last, names := {})
    capsys.readouterr()
    exec(last, names)
    printed = capsys.readouterr().out.splitlines()
    shown = PAGE.split("<!-- baselines:")[1].split("<!-- end of baselines -->")[0].splitlines()[3:]
    assert len(printed) == len(shown) == 12
    for of_block, of_page in zip(printed, shown, strict=True):
        assert cells(of_block)[:2] == cells(of_page)[:2]
        for computed, written in zip(cells(of_block)[2:], cells(of_page)[2:], strict=True):
            numbers = [[float(n) for n in re.findall(r"[\d.]+", text)] for text in (computed, written)]
            assert numbers[0] == pytest.approx(numbers[1], abs=0.02)  # another CPU may round otherwise


def test_every_task_and_baseline_has_its_row():
    assert [name for name in (*TASKS, *BASELINES) if not re.search(rf"^\| `{name}` \|", PAGE, re.M)] == []


def test_least_information_of_student_t_is_as_written():
    written = re.search(r"\$c\(5, d\)\$ is ([\d., and]+) nats", PAGE)[1]
    numbers = [float(number) for number in re.findall(r"\d\.\d+", written)]
    assert numbers == pytest.approx([common_scale(dim) for dim in (1, 2, 5, 10, 20)], abs=5e-5)
