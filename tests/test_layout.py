"""The repository itself: links, pinned releases, commands and house rules that no linter knows."""

import ast
import os
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

import medspan

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPTS = [ROOT / "scripts" / "check", ROOT / "scripts" / "test", ROOT / ".ci" / "run"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def package_name(requirement: str) -> str:
    """The normalised name at the start of a requirement such as "PyYAML>=6.0"."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {package_name(name): version for name, version in pairs}


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_relative_links_of_a_page_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_documentation_index_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", index.read_text("utf-8"))}
    pages = set((ROOT / "docs").rglob("*.md")) - {index}
    assert sorted(relative(page) for page in pages - linked) == []


def test_modules_that_the_architecture_page_points_to_exist() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## Where to look")[2]
    names = re.findall(r"`([^`]+)`", table)
    assert names
    assert [n for n in names if not (ROOT / "src" / "medspan" / n).exists() and not (ROOT / n).exists()] == []


def test_the_readme_opens_with_the_two_commands_that_the_makefile_has() -> None:
    opening = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:25])
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    for command in ("demo", "test"):
        assert f"make {command}" in opening
        assert command in targets


def test_the_base_install_needs_no_training_package() -> None:
    base = {package_name(item) for item in PROJECT["dependencies"]}
    train = {package_name(item) for item in PROJECT["optional-dependencies"]["train"]}
    assert "torch" in train
    assert base & (train | {"pandas", "ray"}) == set()


def test_every_declared_dependency_is_pinned_for_repeatable_runs() -> None:
    declared = [*PROJECT["dependencies"], *chain.from_iterable(PROJECT["optional-dependencies"].values())]
    names = {package_name(item) for item in declared} - {"medspan"}
    assert sorted(names - set(pinned())) == []


def test_pins_are_exact_and_fit_any_build_of_a_release() -> None:
    assert [name for name, version in pinned().items() if not re.fullmatch(r"[0-9][0-9a-z.]*", version)] == []


def test_the_citation_and_the_changelog_know_the_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert str(citation["version"]) == medspan.__version__
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert headings[0] == medspan.__version__


@pytest.mark.parametrize("script", SCRIPTS, ids=relative)
def test_scripts_are_executable_and_stop_at_the_first_error(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text("utf-8")
    assert subprocess.run(["bash", "-n", str(script)], capture_output=True).returncode == 0


def test_make_help_describes_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    assert phony is not None
    described = set(re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE))
    # browser is a step of make test, not a command of its own
    assert set(phony.group(1).split()) - described == {"browser"}


def test_no_source_file_is_too_long_to_know_one_thing() -> None:
    assert {relative(p): n for p in SOURCES if (n := len(p.read_text("utf-8").splitlines())) > 500} == {}


def test_modules_are_named_for_what_they_hold() -> None:
    empty_names = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "legacy"}
    assert [relative(path) for path in SOURCES if {path.stem, *path.parts} & empty_names] == []


def test_nothing_that_could_execute_a_data_file_is_called() -> None:
    """Only safetensors, ONNX, JSON, YAML (safe) and text are read: no pickle, no eval, no remote code."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            where = f"{relative(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.partition(".")[0] for alias in node.names} | {getattr(node, "module", "") or ""}
                found += [where] * bool(
                    names & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
                )
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                unsafe = (
                    called in {"eval", "exec", "yaml.load", "yaml.unsafe_load"}
                    or (called == "torch.load" and arguments.get("weights_only") != "True")
                    or (called == "np.load" and arguments.get("allow_pickle", "False") != "False")
                    or arguments.get("trust_remote_code") == "True"
                )
                found += [where] * unsafe
    assert found == []


def test_no_tracked_file_names_a_machine_or_a_package_host() -> None:
    # Joined here so that this file does not hold what it looks for.
    private = [
        "/".join(("", *parts, "")) for parts in (("tmp", "w"), ("opt", "pypi"), ("opt", "wheels"), ("root",), ("work",))
    ]
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" not in content[:8000]:
            found += [f"{relative(path)}: {text}" for text in private if text.encode() in content]
    assert found == []


def test_line_ends_of_note_files_are_never_translated() -> None:
    attributes = (ROOT / ".gitattributes").read_text("utf-8").splitlines()
    assert {"*.txt -text", "*.ann -text", "*.jsonl -text"} <= set(attributes)
