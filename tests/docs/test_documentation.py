"""The documentation: it builds without a warning and without a network, its links lead somewhere, its code runs.

Collected by `make test-docs` only (MINE_DOCS_TESTS=1): it trains the smoke grid once.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mine.divergence import LOW_ESS_ALLOWANCE, MIN_ESS

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv/bin"
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
NO_CODE = {"text", "mermaid"}

_BLOCK = re.compile(
    r"(?:<!-- (?P<tag>(?:file|insert|replace): .*?|shown) -->\n)?^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    code: str
    tag: str | None

    @property
    def first_line(self):
        """Without a comment that stands apart behind it."""
        return re.sub(r"\s{2,}#.*", "", self.code.splitlines()[0])


def blocks_in(page, text):
    return [Block(page, match["language"], match["code"], match["tag"]) for match in _BLOCK.finditer(text)]


def blocks_of(page):
    return blocks_in(page, (ROOT / page).read_text(encoding="utf-8"))


def not_run():
    """(page, first line) of every block that docs/code_blocks.md lists."""
    text = (ROOT / "docs/code_blocks.md").read_text(encoding="utf-8")
    listed = text.split("<!-- not run -->")[1].split("<!-- end of not run -->")[0]
    rows = re.findall(r"^\| (\S+\.md) \| `(.+?)` \| .+ \|$", listed, re.M)
    return {(page, line.replace(r"\|", "|")) for page, line in rows}


def unaccounted(blocks, listed):
    """Blocks of no known kind, and lines of the list that have no block."""
    code = [block for block in blocks if block.language not in NO_CODE]
    odd = [
        f"{block.page}: {block.first_line}"
        for block in code
        if (block.page, block.first_line) not in listed
        and block.language not in ("bash", "python")
        and block.tag is None
    ]
    stale = sorted(listed - {(block.page, block.first_line) for block in code})
    return odd + [f"{page}: {line} is listed as not run and not there" for page, line in stale]


# ---- building


class Parts(HTMLParser):
    """What a page loads, where it leads, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.leads, self.anchors, self.without_text, self.formulae = [], [], set(), [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        self.formulae += tag == "math"
        if tag == "a" and attrs.get("href"):
            self.leads.append(attrs["href"])
        elif tag == "link" and attrs.get("href") and attrs.get("rel") not in ("prev", "next", "canonical"):
            self.loads.append(attrs["href"])
        elif attrs.get("src"):
            self.loads.append(attrs["src"])
        if tag == "img" and not attrs.get("alt"):
            self.without_text.append(attrs.get("src"))


def fetched(text):
    """What a page would fetch from elsewhere."""
    inside_styles = re.findall(r"url\([\"']?((?:https?:)?//[^)]+)\)", text)
    return [to for to in Parts(text).loads if to.startswith(("http:", "https:", "//"))] + inside_styles


def pages(site):
    """Those of text; the interactive page is 8 MB of script and has tests of its own."""
    found = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    return {name: text for name, text in found.items() if name not in ("404.html", "explore.html")}


def test_every_page_is_built_with_its_formulae(site):
    built = pages(site)
    for page in PAGES[1:]:
        assert f"{Path(page).stem}.html" in built
    assert Parts(built["explanation.html"]).formulae > 10
    assert [name for name, text in built.items() if 'class="arithmatex"' in text] == []
    # A dollar before which there is a space ends no formula, and stands in the page as it was written.
    plain = {name: re.sub(r"<(script|style|pre|code)\b.*?</\1>", "", text, flags=re.S) for name, text in built.items()}
    assert [name for name, text in plain.items() if re.search(r">[^<$]*\$[^<$]*\s\$", text)] == []
    assert [name for name, text in built.items() if "<!-- made:" in text] == []
    assert [name for name, text in built.items() if "Computed where this documentation is built" in text] == []


def test_who_reads_the_files_themselves_is_told_what_is_made():
    """But for what `mine publish` writes into the page, which stands there."""
    published = {"reach", "concepts", "concept-models", "penalised", "which"}
    for page in PAGES[1:]:
        for name, made in re.findall(r"<!-- made: (\S+).*? -->\n(.*)", (ROOT / page).read_text(encoding="utf-8")):
            assert name in published or made.startswith("*Computed where this documentation is built"), page


@pytest.fixture(scope="module")
def docstrings():
    """The extension that lists what docstrings explain."""
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs/assets/docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_arguments_become_a_list(docstrings):
    text = "Does it.\n\nx: what goes\nin. y, z: both of\nthe rest: all.\nNothing is kept.\n\nRaises: x: no."
    assert docstrings.listed(text, {"x", "y", "z"}) == (
        "Does it.\n\n- `x`: what goes in.\n- `y`, `z`: both of the rest: all.\n\nNothing is kept.\n\nRaises: x: no."
    )


def test_a_colon_after_anything_else_stays(docstrings):
    text = "Note: this. Source: Belghazi et al.\nx + y: a sum."
    assert docstrings.listed(text, {"x", "y"}) == text


def test_nothing_is_fetched_from_elsewhere(site):
    assert {name: fetched(text) for name, text in pages(site).items() if fetched(text)} == {}
    for style in site.rglob("*.css"):
        assert fetched(style.read_text(encoding="utf-8")) == [], style


def test_what_would_be_fetched_is_found():
    assert fetched('<script src="https://unpkg.com/x"></script>') == ["https://unpkg.com/x"]
    assert fetched('<link rel="stylesheet" href="//fonts.net/y">') == ["//fonts.net/y"]
    assert fetched("<style>@import url('https://fonts.net/z');</style>") != []
    assert fetched('<a href="https://example.org">a link is none</a>') == []


def broken(built, site):
    """Links and loaded files of pages that are not in the site, or whose anchor is not in its page."""
    parts = {name: Parts(text) for name, text in built.items()}
    lost = []
    for name, page in parts.items():
        for link in page.leads + page.loads:
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            target = (site / name).parent / unquote(to.path) if to.path else site / name
            target = Path(os.path.normpath(target))
            if not target.is_file():
                lost.append(f"{name}: {link}")
            elif to.fragment and target.suffix == ".html":
                anchors = parts[target.relative_to(site).as_posix()].anchors
                if unquote(to.fragment) not in anchors and to.fragment != "__codelineno":
                    lost.append(f"{name}: {link}")
    return lost


def test_links_lead_somewhere(site):
    assert broken(pages(site), site) == []


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text("")
    built = {"a.html": '<a href="b.html">b</a><a href="#c">c</a><a href="a.html">a</a>'}
    assert broken(built, tmp_path) == ["a.html: b.html", "a.html: #c"]


def test_pictures_have_a_text(site):
    assert {name: Parts(text).without_text for name, text in pages(site).items() if Parts(text).without_text} == {}


def test_the_ledger_folds(site, browser):
    browser.open(site / "project/figures/claims.html")
    assert browser.run("return document.documentElement.scrollHeight") <= 12_000
    assert browser.run("return document.querySelectorAll('details table').length") > 10


def test_the_search_is_of_pages_that_explain(site):
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    places = {entry["location"].partition("#")[0] for entry in index}
    assert "tutorial.html" in places
    sources = (".py.html", ".lock.html", ".sh.html", ".yaml.html", ".toml.html", ".smk.html", ".csv.html")
    assert [place for place in places if place.endswith(sources)] == []


def ink(browser, selector):
    """Whether each row and column of pixels of an element has a dark one in it, (height, width)."""
    from matplotlib.image import imread

    element = browser.driver.find_element("css selector", selector)
    browser.run("arguments[0].scrollIntoView({block: 'center'})", element)
    picture = imread(io.BytesIO(element.screenshot_as_png))
    return picture[..., :3].mean(axis=-1) < 0.5


def test_a_bracket_is_painted_as_high_as_what_it_holds(site, browser):
    """By its pixels: without a font that can, its box is as wide and the bracket small."""
    browser.open(site / "explanation.html")
    browser.wait("return document.fonts.status === 'loaded'")
    mark = """
        const formula = [...document.querySelectorAll('math[display=block]')].find(m => m.textContent.includes('KL'));
        [...formula.querySelectorAll('mo')].find(mo => mo.textContent === '(').id = 'bracket';
        formula.querySelector('mfrac').id = 'held';
    """
    browser.run(mark)
    bracket, held = (ink(browser, place).any(axis=1).sum() for place in ("#bracket", "#held"))
    assert bracket >= held
    assert "\\" not in browser.run("return [...document.querySelectorAll('math')].map(m => m.textContent).join(' ')")


def test_a_root_is_painted(site, browser):
    """Its bar: a row of ink over the whole of what stands below it, in a formula put on the page."""
    browser.open(site / "explanation.html")
    root = "<math id='root' display='block'><msqrt><mrow><mi>x</mi><mo>+</mo><mi>y</mi></mrow></msqrt></math>"
    browser.run("document.querySelector('.md-content article').insertAdjacentHTML('afterbegin', arguments[0])", root)
    browser.wait("return document.fonts.status === 'loaded'")
    painted = ink(browser, "#root msqrt")
    assert painted.sum(axis=1).max() > 0.6 * painted.shape[1]
    # And the sign before it, from the bar down to the line.
    assert painted[:, : painted.shape[1] // 4].any(axis=1).mean() > 0.6


WORDS = ("critic", "derangement", "effective sample size", "overflow", "held-out")
"""Of the glossary: a page that uses one of them leads there."""


@pytest.mark.parametrize("page", [page for page in PAGES if "/reference_" not in page and "/glossary" not in page])
def test_who_meets_a_word_is_led_to_the_glossary(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "glossary.md" in text or not [word for word in WORDS if word in text]


def test_thresholds_in_words():
    text = (ROOT / "docs/explanation.md").read_text(encoding="utf-8")
    assert f"effective sample size under {MIN_ESS:g}" in text
    assert f"is under {MIN_ESS:g}." in (ROOT / "docs/own_tensors.md").read_text(encoding="utf-8")
    assert LOW_ESS_ALLOWANCE > 0


# ---- code


def test_every_block_is_run_or_listed():
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert len(blocks) > 20
    assert unaccounted(blocks, not_run()) == []


def test_a_block_of_no_known_kind_and_a_stale_line_are_found():
    blocks = blocks_in("a.md", "```yaml\nx: 1\n```\n\n```bash\nls\n```\n")
    problems = unaccounted(blocks, {("a.md", "cd")})
    assert problems == ["a.md: x: 1", "a.md: cd is listed as not run and not there"]


def checkout(folder):
    """A copy of the working tree, its .venv shared. Code in the copy's src comes before the installed one's."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def run_page(page, folder, check=""):
    """Run a page's blocks in order: files are written, bash runs block by block, python shares one namespace.

    What a page shows of a block's output must be in it.

    Python may need files of a bash block before it, so it runs where something follows that is no python, and each run
    starts with all python so far. The check is python too, for the end of it.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "MPLBACKEND": "agg"}
    skipped, python, said = not_run(), [], ""
    of_python = [b for b in blocks_of(page) if b.language == "python" and b.tag is None]
    of_python = [b for b in of_python if (page, b.first_line) not in skipped]
    # The copy shares this .venv: no make in it may set it up again.
    make = 'make() { command make -o .venv/.locked -o .venv/.installed "$@"; }\n'

    def run(block, *command):
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{page}: {block.first_line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def run_python():
        code = "\n".join(block.code for block in python) + (check if python == of_python else "")
        return run(python[-1], str(BIN / "python"), "-W", "error::SyntaxWarning", "-c", code)

    waits = False  # python that has not run yet
    for block in blocks_of(page):
        runs = block.language not in NO_CODE and (page, block.first_line) not in skipped
        if block in of_python:
            python.append(block)
            waits = True
            continue
        if waits and (runs or block.tag == "shown"):
            said, waits = run_python(), False
        if block.tag == "shown":
            assert not_said(block.code, said) == [], f"{page}: not in\n{said}"
        if not runs:
            continue
        if block.tag is not None:
            edit(folder, block)
            continue
        assert block.language == "bash", block
        said = run(block, "bash", "-c", "set -euo pipefail\n" + make + block.code)
    if waits:
        run_python()


def not_said(shown, output):
    """Lines that a page shows and its code did not print, whatever their numbers: those differ between machines."""

    def alike(text):
        return [re.sub(r"[-+]?(?:\d[\d.,]*|inf\b|nan\b)", "#", " ".join(line.split()), flags=re.I)
                for line in text.splitlines()]  # fmt: skip

    return [line for line in alike(shown) if line not in alike(output)]


def test_output_that_a_page_makes_up_is_found():
    output = "outcome   overflow at step 12, runaway from step 3\n  4  5.82  NaN -inf\n"
    assert not_said("outcome overflow at step 740, runaway from step 251\n10 5.8 -0.1 3.2\n", output) == []
    assert not_said("outcome completed\n", output) == ["outcome completed"]


def edit(folder, block):
    """What a block's tag asks for: `file: F`, `insert: F before: TEXT` or `replace: F line: TEXT`."""
    kind, rest = block.tag.split(": ", 1)
    if kind == "file":
        (folder / rest).write_text(block.code, encoding="utf-8")
        return
    name, _, text = rest.partition(" before: " if kind == "insert" else " line: ")
    path = folder / name
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if line.strip().startswith(text.strip())]
    assert len(places) == 1, f"{block.page}: {text!r} starts {len(places)} lines of {name}"
    lines[places[0] : places[0] + (kind == "replace")] = [block.code]
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="session")
def after_tutorial(tmp_path_factory):
    """A checkout in which somebody has followed the tutorial."""
    folder = checkout(tmp_path_factory.mktemp("tutorial"))
    run_page("docs/tutorial.md", folder)
    return folder


@pytest.mark.xdist_group("documentation")
def test_the_tutorial(after_tutorial):
    assert (after_tutorial / "first/figure.png").stat().st_size > 10_000
    drawn = sorted(path.name for path in (after_tutorial / "results/smoke/figures/writeup").glob("*.png"))
    assert {"estimate_derangement.png", "gradient_norm_derangement.png", "final_values.png"} <= set(drawn)
    published = {path.name for path in (ROOT / "figures/writeup").glob("*.png")}
    assert published <= set(drawn)


ON_RESULTS = ("README.md", "docs/reference_columns.md")
"""Pages whose code reads results."""


@pytest.mark.xdist_group("documentation")
def test_pages_on_results(after_tutorial, tmp_path):
    """On the smoke grid's, which have the names of the published ones."""
    folder = checkout(tmp_path)
    (folder / "results").mkdir()
    shutil.copytree(after_tutorial / "results/smoke/writeup", folder / "results/writeup")
    for page in ON_RESULTS:
        run_page(page, folder)


CHECKS = {
    "docs/own_tensors.md": "assert abs(estimate - math.log(2)) < 0.15, estimate\nassert ess > 1000, ess",
    "docs/control.md": (
        "assert reached > 0.95 * best\nassert abs(found - reached) < 0.15\nassert left < 0.7 * reached"
    ),
    "docs/estimators.md": "assert (values - mutual_information(dim, rho)).abs().max() < 0.2, values",
}
"""Of a page's python: own tensors come near the truth, encoders near the best and lose what they should, and the added
estimator comes near the truth."""


@pytest.mark.parametrize("page", [page for page in PAGES if page not in (*ON_RESULTS, "docs/tutorial.md")])
def test_a_page(page, tmp_path):
    blocks = [b for b in blocks_of(page) if b.language not in NO_CODE and (page, b.first_line) not in not_run()]
    if blocks:
        run_page(page, checkout(tmp_path), CHECKS.get(page, ""))


def test_pages_with_a_check_have_python():
    for page in CHECKS:
        assert [block for block in blocks_of(page) if block.language == "python" and block.tag is None], page
