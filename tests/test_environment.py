"""Setting up: the lock, the pins that repeat it elsewhere, and the environment that the tests run in.

Each check is a function from text to a list of problems, so that it can be shown a broken text as well.
"""

from __future__ import annotations

import ast
import importlib.metadata
import itertools
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import mine
from mine.extras import EXTRAS

ROOT = Path(__file__).parents[1]

PYPI_NAME = {"pytorch": "torch", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}
"""Conda's name to PyPI's, where they differ."""

DISTRIBUTION = {"yaml": "pyyaml", "sklearn": "scikit-learn"}
"""The imported name to PyPI's, where they differ."""

PYTHONS = ("3.11.2", "3.12.0", "3.13.5")
"""Pythons that the lock must install on: Debian 12's, to the last digit, and the first and last we claim."""

OF_TORCH = ("cuda-", "nvidia-", "triton")
"""What torch's CUDA build brings along; the CPU build of the same version has none of it."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def statements(text: str) -> list[str]:
    """The lines of a requirements file without comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def exact_version(requirement: Requirement) -> str | None:
    """The one version that a requirement allows, or None where it allows several."""
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or "*" in specifiers[0].version:
        return None
    return specifiers[0].version


def pins(text: str) -> dict[str, str | None]:
    """Canonical name to pinned version."""
    parsed = map(Requirement, statements(text))
    return {canonicalize_name(requirement.name): exact_version(requirement) for requirement in parsed}


def pin_problems(text: str) -> list[str]:
    """What keeps a requirements file from naming one version, installable anywhere, of each package."""
    problems = []
    names = []
    for line in statements(text):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            problems.append(f"not a requirement: {line}")
            continue
        name = canonicalize_name(requirement.name)
        names.append(name)
        if requirement.url or exact_version(requirement) is None:
            problems.append(f"{name}: not pinned with ==")
        if "+" in str(requirement.specifier):
            problems.append(f"{name}: a local tag, which the registry does not have")
    problems += [f"{name}: twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if names != sorted(names):
        problems.append("not sorted")
    return problems


def lock_problems(direct: str, lock: str) -> list[str]:
    """Direct dependencies that the lock lacks or has at another version."""
    locked = pins(lock)
    return [
        f"{name}: {version} wanted, the lock has {locked.get(name)}"
        for name, version in pins(direct).items()
        if locked.get(name) != version
    ]


def conda_problems(environment: str, direct: str, requires_python: str) -> list[str]:
    """Where environment.yml differs from the direct dependencies."""
    found: dict[str, str] = {}
    python = pip = ""
    for entry in yaml.safe_load(environment)["dependencies"]:
        if isinstance(entry, dict):
            pip, *others = entry["pip"]
            found |= {name: f"=={version}" for name, version in pins("\n".join(others)).items()}
            continue
        name, version = re.fullmatch(r"([a-z0-9-]+)(.*)", entry).groups()
        if name == "python":
            python = version
        elif name != "pip":
            found[PYPI_NAME.get(name, name)] = version
    wanted = {name: f"=={version}" for name, version in pins(direct).items()}
    problems = [f"{name}: not a direct dependency" for name in sorted(found.keys() - wanted.keys())]
    problems += [
        f"{name}: {version} wanted, environment.yml has {found.get(name)}"
        for name, version in sorted(wanted.items())
        if found.get(name) != version
    ]
    if not re.fullmatch(r"=3\.\d+", python) or python[1:] not in SpecifierSet(requires_python):
        problems.append(f"python: {python or 'missing'}, a minor version within {requires_python} wanted")
    if pip != "--editable .":
        problems.append("pip: does not install the project itself")
    return problems


def unexplained(text: str) -> list[str]:
    """Direct dependencies without a word on why they are there."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line for line in lines if not re.search(r"\S  # \S", line)]


def bound_problems(dependencies: Iterable[str], direct: str) -> list[str]:
    """The package's own bounds that the pinned versions do not meet."""
    pinned = pins(direct)
    problems = []
    for requirement in map(Requirement, dependencies):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or version not in requirement.specifier:
            problems.append(f"{requirement}: pinned at {version}")
    return problems


def third_party_imports(source: str) -> set[str]:
    """The distributions that a module imports, at its head or inside a function."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(node.module)
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - {"mine"}
    return {DISTRIBUTION.get(top, top) for top in tops}


def needs(name: str, extras: Iterable[str] = ()) -> set[tuple[str, frozenset[str]]]:
    """What an installed distribution requires on this machine, with the extras asked for."""
    found = set()
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            found.add((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return found


def closure(direct: str) -> set[str]:
    """Every distribution that the direct dependencies need on this machine, themselves included."""
    requirements = map(Requirement, statements(direct))
    pending = {(canonicalize_name(item.name), frozenset(item.extras)) for item in requirements}
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        seen.add(item := pending.pop())
        if not item[0].startswith(OF_TORCH):
            pending |= needs(*item) - seen
    return {name for name, _ in seen if not name.startswith(OF_TORCH)}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads(read("pyproject.toml"))["project"]


def test_lock_pins_every_package_once_without_local_tag():
    assert pin_problems(read("requirements.lock")) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("torch==2.13.0+cpu", "local tag"),
        ("torch>=2.13", "not pinned"),
        ("torch", "not pinned"),
        ("torch==2.*", "not pinned"),
        ("torch==2.13.0,!=2.13.1", "not pinned"),
        ("torch @ file:wheels/torch.whl", "not pinned"),
        ("--find-links wheels", "not a requirement"),
        ("scipy==1.0\nnumpy==2.0", "not sorted"),
        ("NumPy==2.0\nnumpy==2.1", "twice"),
    ],
)
def test_a_bad_pin_is_seen(text: str, problem: str):
    assert any(problem in found for found in pin_problems(text))


def test_lock_has_every_direct_dependency_at_its_version():
    assert lock_problems(read("requirements.in"), read("requirements.lock")) == []


def test_a_lock_behind_its_input_is_seen():
    assert len(lock_problems("numpy==2.0\nSciPy==1.1  # why\n", "numpy==2.1\nscipy==1.1\n")) == 1
    assert len(lock_problems("numpy==2.0", "scipy==1.1")) == 1


def test_every_direct_dependency_is_pinned_and_says_why():
    direct = read("requirements.in")
    assert [name for name, version in pins(direct).items() if version is None] == []
    assert unexplained(direct) == []
    assert unexplained("# head\nnumpy==2.0  # means\nscipy==1.1\n") == ["scipy==1.1"]


def test_conda_environment_has_the_same_pins(project: dict):
    assert conda_problems(read("environment.yml"), read("requirements.in"), project["requires-python"]) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("pytorch==2.13", "pytorch==2.14", "torch"),
        ("pytorch==2.13", "pytorch=2.13", "torch"),
        ("  - pytorch==2.13\n", "", "torch"),
        ("pytorch==2.13\n", "pytorch==2.13\n  - scipy==1.1\n", "scipy"),
        ("python=3.11", "python=3.10", "python"),
        ("python=3.11", "python", "python"),
        ("--editable .", "mine", "pip"),
        ("--editable .\n", "--editable .\n      - scipy==1.1\n", "scipy"),
    ],
)
def test_a_conda_environment_that_drifts_is_seen(old: str, new: str, problem: str):
    good = "dependencies:\n  - python=3.11\n  - pip\n  - pytorch==2.13\n  - pip:\n      - --editable .\n"
    assert old in good
    assert conda_problems(good, "torch==2.13", ">=3.11") == []
    problems = conda_problems(good.replace(old, new), "torch==2.13", ">=3.11")
    assert [found.partition(":")[0] for found in problems] == [problem]


def test_package_declares_what_it_imports_and_its_bounds_hold_for_the_pins(project: dict):
    extras = project["optional-dependencies"]
    every = itertools.chain(project["dependencies"], *extras.values())
    wanted = [text for text in every if not text.startswith("mine[")]
    assert bound_problems(wanted, read("requirements.in")) == []
    assert bound_problems(["torch<2", "numpy>=1", "scipy"], "torch==2.13\nnumpy==2.0") == [
        "torch<2: pinned at 2.13",
        "scipy: pinned at None",
    ]
    declared = {canonicalize_name(Requirement(text).name) for text in wanted}
    imported = set().union(
        *(third_party_imports(file.read_text(encoding="utf-8")) for file in (ROOT / "src").rglob("*.py"))
    )
    assert imported <= declared
    source = "import os, yaml\ndef f():\n    from numpy.linalg import det\n"
    assert third_party_imports(source) == {"pyyaml", "numpy"}


def test_what_an_extra_brings_is_what_its_message_names(project: dict):
    extras = project["optional-dependencies"]
    assert set(EXTRAS.values()) < set(extras)
    for module, extra in EXTRAS.items():
        brought = {canonicalize_name(Requirement(text).name) for text in extras[extra]}
        assert DISTRIBUTION.get(module, module) in brought
    optional = third_party_imports("".join(f"import {name}\n" for name in EXTRAS))
    declared = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    imported = set().union(
        *(third_party_imports(file.read_text(encoding="utf-8")) for file in (ROOT / "src").rglob("*.py"))
    )
    assert optional == imported - declared


def test_lock_holds_everything_that_the_direct_dependencies_need():
    reached = closure(read("requirements.in"))
    assert reached - pins(read("requirements.lock")).keys() == set()
    assert {"torch", "sympy", "pygments", "jupyterlab"} <= reached


def test_locked_packages_install_on_every_python_we_claim(project: dict):
    """A package that wants a later 3.11 than Debian's stops the whole set-up, and only on that machine."""
    locked = pins(read("requirements.lock"))
    refused = []
    for distribution in importlib.metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        wants = distribution.metadata["Requires-Python"]
        if wants and locked.get(name) == Version(distribution.version).public:
            refused += [f"{name} on {python}" for python in PYTHONS if python not in SpecifierSet(wants)]
    assert refused == []
    assert all(python in SpecifierSet(project["requires-python"]) for python in PYTHONS)


def test_tests_run_on_the_pinned_versions():
    """Conda resolves what lies below the direct dependencies by itself, so only those are held there."""
    conda = (Path(sys.prefix) / "conda-meta").is_dir()
    pinned = pins(read("requirements.in" if conda else "requirements.lock"))
    installed = {
        canonicalize_name(found.metadata["Name"]): Version(found.version).public
        for found in importlib.metadata.distributions()
    }
    assert {name: installed[name] for name in pinned if name in installed} == {
        name: version for name, version in pinned.items() if name in installed
    }


def test_citation_names_this_version_and_the_paper():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == mine.__version__ == importlib.metadata.version("mine")
    assert citation["type"] == "software"
    (paper,) = citation["references"]
    assert paper["title"] == "Mutual Information Neural Estimation"
    assert (paper["authors"][0]["family-names"], paper["year"]) == ("Belghazi", 2018)


def test_what_the_checks_run_is_there():
    words = (ROOT / ".github" / "workflows" / "checks.yml").read_text().split()
    named = [word for word in words if word.startswith(("tests/", "benchmarks/"))]
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
