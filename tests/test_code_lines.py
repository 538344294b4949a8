"""How long modules and functions are, counted without blank lines, comments and docstrings."""

from __future__ import annotations

import ast
import textwrap

import pytest

import code_lines

MODULES = code_lines.read(None)
LONGER = {("commands/estimate", "add_arguments"), ("commands/estimate", "run"), ("own/report", "record")}
"""Functions of more than 60 lines that are yet to be parted."""


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("", 0),
        ('"""A module."""\n\nx = 1  # one\n# two\n', 1),
        ("def f(\n    a,\n\n    b,\n):\n    '''Doc.\n\n    More.'''\n    return (a,\n            b)\n", 6),
        ('x: int = 3\n"""Three."""\ny = """a\n\nb"""\n', 3),
    ],
)
def test_what_counts(source, lines):
    assert code_lines.code_lines(source) == lines


def test_names_are_counted_once_and_folders_whole():
    modules = {"a": "x = 1\n", "b/c": "x = 1\ny = 2\n", "bc": "z = 3\n"}
    assert code_lines.count(modules, ["a", "b/", "b/c", "gone"]) == 3


def test_what_the_comparison_names_is_there():
    parts = " ".join(code_lines.PARTS.values()).split()
    assert len(parts) == len(set(parts))
    assert {"settings", "config", "trace", "summary", "commands/train"} <= set(parts) & set(MODULES)
    assert any(name.startswith("engine/") for name in MODULES)


def test_no_module_is_longer_than_300_lines():
    long = [name for name, text in MODULES.items() if text.count("\n") > 300]
    assert [name for name in long if code_lines.code_lines(MODULES[name]) > 300] == []


def test_no_function_is_longer_than_60_lines():
    found = set()
    for name, text in MODULES.items():
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                function = textwrap.dedent("\n".join(lines[node.lineno - 1 : node.end_lineno]))
                if code_lines.code_lines(function) > 60:
                    found.add((name, node.name))
    assert found <= LONGER
