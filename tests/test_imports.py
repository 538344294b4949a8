"""What a cluster's every job imports before it does anything: the Snakefile's imports, and nothing heavy with them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "pandas", "numpy", "matplotlib", "scipy", "pyarrow", "jsonschema"}


def test_the_snakefiles_imports_load_nothing_heavy():
    files = [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    modules = {name for file in files for name in re.findall(r"^from (mine[\w.]*) import", file.read_text(), re.M)}
    assert {"mine.config", "mine.experiments", "mine.figures"} <= modules
    path, names = str(ROOT / "src"), ", ".join(sorted(modules))
    code = f"import sys; sys.path.insert(0, {path!r}); import {names}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_a_configuration_is_checked_without_a_grammar_of_addresses():
    """jsonschema imports it if it is there, and that is a second of every `mine status` and `snakemake`."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from mine.config import load_config; "
        f"load_config({str(ROOT / 'config' / 'smoke.yaml')!r}); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "jsonschema" in done.stdout.split()
    assert "rfc3987_syntax" not in done.stdout.split()
