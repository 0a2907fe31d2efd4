"""The examples of the README and the documentation are true."""

import doctest
import json
import re
from pathlib import Path

import pytest

from medspan.annotation import document_from_dict

ROOT = Path(__file__).parents[1]
PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if ">>>" in page.read_text("utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_examples_give_what_the_page_shows(page: Path) -> None:
    # The closing fence of a code block would otherwise be read as expected output.
    text = re.sub(r"^```.*$", "", page.read_text("utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples, out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)


def test_the_json_example_of_the_readme_is_a_document() -> None:
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)
    documents = [document_from_dict(json.loads(block)) for block in blocks]
    assert [(d.mention(d.entities[0]), d.entities[0].attribute("assertion")) for d in documents] == [
        ("fever", "absent")
    ]
