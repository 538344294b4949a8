"""Nothing that this package reads is unpickled: SECURITY.md says so."""

from __future__ import annotations

import ast
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"
UNPICKLING = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unsafe(source: str) -> list[str]:
    """Calls and imports by which a file could run code of its own."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in UNPICKLING]
        elif isinstance(node, ast.ImportFrom):
            found += [node.module] if (node.module or "").partition(".")[0] in UNPICKLING else []
        elif isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
            loader = [ast.unparse(each) for each in node.args[1:]]
            if (
                (name in ("np.load", "numpy.load") and given.get("allow_pickle") != "False")
                or (name == "yaml.load" and loader != ["_UniqueKeyLoader"])
                or name in ("eval", "exec", "torch.load", "yaml.unsafe_load")
                or name.endswith(".read_pickle")
            ):
                found.append(ast.unparse(node))
    return found


def test_no_file_is_read_in_a_way_that_runs_its_code():
    assert {str(path): found for path in SRC.rglob("*.py") if (found := unsafe(path.read_text(encoding="utf-8")))} == {}


def test_a_way_that_does_is_seen():
    source = (
        "import pickle\nfrom joblib import load\nnp.load(p)\ntorch.load(p)\npd.read_pickle(p)\nyaml.load(s, Loader)\n"
    )
    assert len(unsafe(source)) == 6
    assert unsafe("np.load(p, allow_pickle=False)\nyaml.load(s, _UniqueKeyLoader)\n") == []
