"""The two READMEs say the same in both languages, and everything that a page points to exists."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README_CN.md")
DOCS = tuple(sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")))
OTHERS = (
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "pytorch/README.md",
    "weights/README.md",
    "weights/README_CN.md",
)
PAGES = (*READMES, *DOCS, *OTHERS)
MOST_WORDS = 1800
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9_]*)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"(?<![\w/.<*-])((?:[\w-]+/)*[\w-]+\.(?:py|sh|yaml))(?![\w/])")
NOT_OURS = {"script.py"}  # the organizers' script
# reliability.md has a test of its own, the changelog names files of earlier versions
NAMES_ELSEWHERE = ("docs/reliability.md", "CHANGELOG.md")
OTHER_PROGRAMS = ("pip ", "python -m ", "curl ", "msrun ", "sha256sum ", "srun ")
FIGURE = re.compile(r"(?<![A-Za-z0-9_.])[0-9]+\.[0-9]+(?!\.?[A-Za-z0-9_])")


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def prose(text):
    """The text without its code blocks."""
    return FENCE.sub("", text)


def blocks(text):
    """(language, lines without comments, blank lines and the width of gaps) of every code block."""
    found = []
    for language, code in FENCE.findall(text):
        lines = (" ".join(re.sub(r"(^|\s)#.*", "", line).split()) for line in code.split("\n"))
        found.append((language, [line for line in lines if line]))
    return found


def headings(text):
    return re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)


def anchor(title):
    """GitHub's anchor of a heading: lower case, letters, digits, `-` and `_` only, spaces as `-`."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def anchors(text):
    return {anchor(title) for _, title in headings(text)}


def table_shapes(text):
    """(columns, rows) of every table, in order. A line of its own such as @@NAME@@ in a table is not a row."""
    shapes, lines = [], prose(text).split("\n")
    for i, line in enumerate(lines):
        if re.fullmatch(r"\|(-+\|)+", line):
            rows = 0
            while i + 1 + rows < len(lines) and lines[i + 1 + rows].startswith("|"):
                rows += 1
            shapes.append((line.count("|") - 1, rows))
    return shapes


def links(text):
    """Targets of links and images, without those in code."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "code", prose(text)))


def broken_links(page, text):
    """Relative links of a page whose file or anchor does not exist."""
    broken = []
    for link in links(text):
        if re.match(r"\w+:", link):
            continue
        path, _, place = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists() or (place and place not in anchors(text if not path else target.read_text("utf-8"))):
            broken.append(link)
    return broken


def missing_files(page, text):
    """Scripts, programs and configurations named in code blocks or `code` that are not in the repository."""
    code = "\n".join([block for _, block in FENCE.findall(text)] + re.findall(r"`([^`\n]+)`", prose(text)))
    named = {name for name in FILE_NAME.findall(code) if "/" in name or name.endswith(".py")}
    known = {path.name for folder in ("src", "benchmarks") for path in (ROOT / folder).rglob("*.py")} | NOT_OURS
    exists = {name for name in named for folder in (ROOT, (ROOT / page).parent) if (folder / name).exists()}
    return sorted(name for name in named - exists if "/" in name or name not in known)


@cache
def known_options():
    """Every option that a configuration, a program, a script or the C++ application knows."""
    names = set()
    for path in (ROOT / "default_config.yaml", *ROOT.glob("configs/*.yaml"), *ROOT.glob("pytorch/recipes/*.yaml")):
        names |= set(re.findall(r"^([a-z][a-z0-9_]*):", path.read_text("utf-8"), re.MULTILINE))
    for pattern in (
        "*.py",
        "src/**/*.py",
        "scripts/**/*.*",
        "pytorch/*.*",
        "benchmarks/*.py",
        "examples/*.py",
        "ascend310_infer/**/*.cpp",
    ):
        for path in ROOT.glob(pattern):
            if path.is_file():
                names |= set(OPTION.findall(path.read_text("utf-8")))
    return names


def unknown_options(text, known):
    """Options in the commands of a page that nothing of this project knows."""
    commands = "\n".join(
        line
        for language, lines in blocks(text)
        if language == "bash"
        for line in lines
        if not line.startswith(OTHER_PROGRAMS)
    )
    return sorted(set(OPTION.findall(commands)) - known)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = text_of(page)
    assert broken_links(page, text) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page not in NAMES_ELSEWHERE])
def test_named_files_exist(page):
    assert missing_files(page, text_of(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_options_of_commands_exist(page):
    assert unknown_options(text_of(page), known_options()) == []


def test_every_script_and_command_is_on_the_page():
    text = text_of("README.md")
    entries = [*ROOT.glob("scripts/*.sh"), *ROOT.glob("*.py"), *ROOT.glob("src/*.py")]
    names = sorted(path.relative_to(ROOT).as_posix() for path in entries if path.stem != "__init__")
    assert [name for name in names if name not in text] == []


def is_default(shown, value):
    """Whether a table shows this value: `empty`, a beginning with `...`, or the value in YAML."""
    if shown.endswith("..."):
        return str(value).startswith(shown.removesuffix("..."))
    if isinstance(value, float):
        return value == float(shown)
    return value == ("" if shown == "empty" else yaml.safe_load(shown))


def test_the_page_on_configuration_has_the_defaults():
    """A cell with several keys has their defaults in the same order, or one for all of them."""
    values = next(yaml.safe_load_all((ROOT / "default_config.yaml").read_text("utf-8")))
    checked = 0
    page = text_of("docs/configuration.md").partition("## The most used keys")[2]
    for row in re.findall(r"^\| `.*", page, re.MULTILINE):
        cells = row.strip("| ").split(" | ")
        keys = [key for key in re.findall(r"`(\w+)`", cells[0]) if key in values]
        if not keys or len(cells) < 3:
            continue
        shown = cells[1].replace("`", "").split(", ")
        for key, default in zip(keys, shown * len(keys) if len(shown) == 1 else shown, strict=True):
            assert is_default(default, values[key]), (key, default, values[key])
            checked += 1
    assert checked > 40


@pytest.mark.parametrize("readme", READMES)
def test_the_readmes_lead_to_every_page(readme):
    linked = {link.partition("#")[0] for link in links(text_of(readme))}
    assert sorted({*DOCS, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"} - linked) == []


def test_the_page_on_architecture_names_every_folder():
    folders = {path.name for path in (ROOT / "src").iterdir() if (path / "__init__.py").exists()}
    folders |= {path.name for path in (ROOT / "src/data").iterdir() if (path / "__init__.py").exists()}
    assert sorted(folders - set(re.findall(r"\w+", text_of("docs/architecture.md")))) == []


def test_the_readme_is_short():
    assert len(text_of("README.md").split()) <= MOST_WORDS


def test_both_languages_have_the_same_sections():
    english, chinese = (headings(text_of(page)) for page in READMES)
    assert [level for level, _ in english] == [level for level, _ in chinese]
    assert len({anchor(title) for _, title in english}) == len(english)
    assert len({anchor(title) for _, title in chinese}) == len(chinese)


def test_both_languages_have_the_same_tables():
    english, chinese = (table_shapes(text_of(page)) for page in READMES)
    assert english == chinese
    assert len(english) >= 3


def test_both_languages_have_the_same_commands():
    english, chinese = (blocks(text_of(page)) for page in READMES)
    assert [language for language, _ in english] == [language for language, _ in chinese]
    for (language, ours), (_, theirs) in zip(english, chinese, strict=True):
        assert language != "bash" or ours == theirs
        assert len(ours) == len(theirs)


def test_both_languages_have_the_same_links_images_and_numbers():
    english, chinese = (prose(text_of(page)) for page in READMES)
    images = [re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text) for text in (english, chinese)]
    assert images[0] == images[1]
    assert [link.startswith("#") for link in links(english)] == [link.startswith("#") for link in links(chinese)]
    metrics = [FIGURE.findall(text) for text in (english, chinese)]
    assert sorted(metrics[0]) == sorted(metrics[1])
    assert re.findall(r"@@\w+@@", english) == re.findall(r"@@\w+@@", chinese)


def test_the_checks_notice_what_is_wrong():
    text = "# A b, c\n\n[x](#a-b-c) [y](#a-b) [z](gone.md) [w](README.md#start) `python gone.py`\n"
    assert broken_links("README.md", text) == ["#a-b", "gone.md"]
    assert missing_files(
        "README.md", text + "```bash\nbash scripts/gone.sh --config_path configs/crnn.yaml  # x.sh\n```\n"
    ) == [
        "gone.py",
        "scripts/gone.sh",
    ]
    assert blocks("```bash\na  b   # c\n# d\n```\n") == [("bash", ["a b"])]
    assert unknown_options("```bash\npython a.py --gone 1 --seed 2\npip --gone\n```\n", {"seed"}) == ["gone"]
    assert table_shapes("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n") == [(2, 2)]
