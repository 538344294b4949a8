"""A notebook run from its first cell to its last and written as one page that needs no network."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

from mine.errors import UserError

_PATIENCE = 120
"""Seconds that a cell's output may lie behind its end: 4 as a rule, which a machine with other work does not keep."""

_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\s)(.+?)(?<![\s\\])\$", re.S)


def render(notebook: Path, results: Path) -> str:
    """Run a notebook with its parameter ``results`` and give back the page.

    Formulas become MathML, which browsers draw by themselves. Raises UserError, naming the cell, where one fails.
    """
    import nbconvert

    done = execute(notebook, results)
    for cell in done.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    text, _ = nbconvert.HTMLExporter().from_notebook_node(done, resources=_titled(done, notebook))
    return without_network(text)


def execute(notebook: Path, results: Path) -> Any:
    """The notebook (``nbformat.NotebookNode``) with its outputs, run with its parameter ``results``.

    Raises UserError, naming the cell, where one fails.
    """
    import papermill

    if not notebook.is_file():
        raise UserError(f"{notebook}: no such notebook")
    with warnings.catch_warnings():
        # What they say of their own dependencies is no reader's business.
        warnings.simplefilter("ignore")
        try:
            done = papermill.execute_notebook(
                str(notebook),
                None,
                parameters={"results": str(results.resolve())},
                kernel_name="python3",
                cwd=str(notebook.parent),
                progress_bar=False,
                log_output=False,
                iopub_timeout=_PATIENCE,
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
            )
        except papermill.PapermillExecutionError as error:
            raise UserError(f"{notebook}: cell {error.exec_count}: {error.ename}: {error.evalue}") from None
    done.cells = [cell for cell in done.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    return done


def with_mathml(markdown: str) -> str:
    """The same text with its formulas ($...$ and $$...$$) as MathML."""

    def formula(match: re.Match[str]) -> str:
        display = "block" if match[1] is not None else "inline"
        made = convert((match[1] or match[2]).strip(), display=display)
        return f'<div style="margin: 0.8em 0">{made}</div>' if display == "block" else made

    return _FORMULA.sub(formula, markdown)


def without_network(page: str) -> str:
    """The same page without scripts that a browser would fetch: MathJax and what widgets and diagrams would need."""
    page = re.sub(r'<script[^>]*\bsrc="https?://[^>]*>\s*</script>', "", page)
    page = re.sub(r'<script type="text/x-mathjax-config">.*?</script>', "", page, flags=re.S)
    return re.sub(r'<script type="module">(?:(?!</script>).)*?https?://.*?</script>', "", page, flags=re.S)


def _titled(notebook: Any, path: Path) -> dict[str, Any]:
    heading = next((c.source for c in notebook.cells if c.cell_type == "markdown"), "").partition("\n")[0]
    return {"metadata": {"name": heading.lstrip("# ") or path.stem}}
