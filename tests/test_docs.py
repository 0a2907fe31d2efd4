"""What the documentation states about commands, formats and corpora holds."""

import json
import re
import shlex
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import medspan
from medspan.annotation import Document, document_to_dict
from medspan.apps.cli import app
from medspan.apps.documents import readable_formats, writable_formats
from medspan.corpora import catalog_entry, load_corpus
from medspan.corpora.catalog import packaged_names
from medspan.interchange import entity_rows
from medspan.interchange.parquet.schemas import documents_schema, entities_schema, events_schema, relations_schema

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FORMATS = (ROOT / "docs" / "formats.md").read_text("utf-8")
CORPORA = (ROOT / "docs" / "corpora.md").read_text("utf-8")
NOTICE = (ROOT / "NOTICE").read_text("utf-8")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code(page: Path) -> str:
    """What stands in fenced or indented blocks; a paragraph may begin with the program's name as well."""
    text = page.read_text("utf-8")
    fence = re.compile(r"^```.*?\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fence.findall(text), *re.findall(r"^    (.*)$", fence.sub("", text), flags=re.MULTILINE)])


def commands(page: Path) -> list[str]:
    """The command lines of a page, without prompt, redirection and comment."""
    lines = re.findall(r"^(?:\$ )?medspan (.+)$", code(page).replace("\\\n", " "), flags=re.MULTILINE)
    return list(dict.fromkeys(re.split(r"\s[<>|#]\s*", line)[0] for line in lines))


def parse(words: list[str]) -> str:
    """Parse a command line without running it and name the command; raises SystemExit or UsageError as click does."""
    command: Any = typer.main.get_command(app)
    context = None
    while hasattr(command, "resolve_command"):
        context = command.context_class(command, info_name="medspan", parent=context)
        _, command, words = command.resolve_command(context, words)
    made = command.make_context(command.name, words, parent=context)
    return str(made.info_name)


COMMANDS = [pytest.param(line, id=f"{relative(page)}: {line}") for page in PAGES for line in commands(page)]


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_of_the_documentation_parses(line: str) -> None:
    assert parse(shlex.split(line)) in line.split()


@pytest.mark.parametrize(
    "line", ["distract notes/", "corpora fetch phee", "extract notes/ -o out --tu jsonl", "train -o out"]
)
def test_a_command_line_that_would_fail_is_noticed(line: str) -> None:
    with pytest.raises(Exception) as caught:
        parse(shlex.split(line))
    assert type(caught.value).__name__ in {"UsageError", "NoSuchOption", "NoSuchCommand", "MissingParameter"}


def columns(page: str, heading: str) -> dict[str, list[str]]:
    """Rows of the first table after `heading`, by the name in their first column."""
    table = re.search(r"(?:^\|.*\n)+", page[page.index(heading) :], flags=re.MULTILINE)
    assert table is not None
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.group().splitlines()[2:]]
    return {row[0].strip("`| "): row[1:] for row in cells}


def example(tmp_path: Path) -> tuple[Document, ...]:
    block = re.search(r"```jsonl\n(.*?)```", FORMATS, flags=re.DOTALL)
    assert block is not None
    path = tmp_path / "example.jsonl"
    path.write_text(block.group(1), "utf-8")
    result = medspan.read(path)
    assert result.problems == ()
    return result.documents


def keys(value: Any, path: str = "") -> set[str]:
    """Names of all keys of plain data, as the table of the formats page writes them."""
    if isinstance(value, list):
        return set().union(*(keys(item, f"{path}[]") for item in value)) if value else set()
    if not isinstance(value, Mapping):
        return set()
    found = set()
    for key, item in value.items():
        name = f"{path}.{key}" if path else key
        found |= {name} | keys(item, name)
    return found


def test_the_example_of_the_interchange_form_reads_and_writes_back(tmp_path: Path) -> None:
    full, fact, plain = example(tmp_path)
    words = {entity.id: full.mention(entity) for entity in full.entities}
    assert words == {
        "T1": "Smokes",
        "T2": "Smokes",
        "T3": "daily",
        "T4": "warfarin",
        "T5": "5 mg",
        "T6": "chest pain",
        "T7": "back pain",
    }
    assert [fact.mention(entity) for entity in fact.entities] == ["Bruises", "warfarin"]
    assert plain == Document("case-2", "No complaints.")
    medspan.write([full, fact, plain], tmp_path / "again.jsonl", "jsonl")
    assert medspan.read(tmp_path / "again.jsonl").documents == (full, fact, plain)


def test_the_table_of_the_interchange_form_names_every_key_that_is_written(tmp_path: Path) -> None:
    written = set().union(*(keys(document_to_dict(document)) for document in example(tmp_path)))
    written = {re.sub(r"^(?:entities|events)\[\]\.attributes\[\]", "attributes[]", name) for name in written}
    said = {name.removesuffix("` *") for name in columns(FORMATS, "Only `id` and `text`")}
    assert said ^ written == {"metadata.ward"}


def test_keys_marked_as_required_are_those_without_which_a_line_is_refused(tmp_path: Path) -> None:
    record = document_to_dict(example(tmp_path)[0])
    record["concept_relations"] = [{"label": "CID", "head_code": "a", "tail_code": "b"}]
    path = tmp_path / "cut.jsonl"

    def is_required(name: str) -> bool:
        *steps, last = re.sub(r"^attributes\[\]", "entities[].attributes[]", name).split(".")
        cut = json.loads(json.dumps(record))
        places = [cut]
        for step in steps:
            places = [item for place in places for item in place.get(step.removesuffix("[]"), ())]
        assert places
        for place in places:
            place.pop(last, None)
        # What pointed at a list that is gone would be refused for another reason.
        if name == "entities":
            cut.update(relations=[], events=[], groups=[])
        path.write_text(json.dumps(cut) + "\n" + '{"id": "kept", "text": ""}\n', "utf-8")
        return len(medspan.read(path).documents) == 1

    said = {name for name in columns(FORMATS, "Only `id` and `text`") if name.partition(".")[0] != "metadata"}
    assert {n.removesuffix("` *") for n in said if n.endswith("*")} == {
        name.removesuffix("` *") for name in said if is_required(name.removesuffix("` *"))
    }


def test_the_table_of_formats_names_those_that_exist() -> None:
    table = columns(FORMATS, "| format | is |")
    assert sorted(table) == writable_formats()
    assert sorted(name for name, row in table.items() if row[1] != "no") == readable_formats()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("entities", entities_schema),
        ("relations", relations_schema),
        ("events", events_schema),
        ("documents", documents_schema),
    ],
)
def test_the_parquet_columns_are_those_described(name: str, make: Any) -> None:
    found = {}
    for field in make({}):
        kind = "list" if str(field.type).startswith("list") else str(field.type)
        found[field.name] = kind + (" or null" if field.nullable else "")
    said = {column: row[0] for column, row in columns(FORMATS, f"`{name}.parquet`, one row").items()}
    assert list(said.items()) == list(found.items())


def test_the_sql_example_finds_the_words_of_the_mentions(tmp_path: Path) -> None:
    documents = example(tmp_path)
    query = re.search(r"```sql\n(.*?)```", FORMATS, flags=re.DOTALL)
    assert query is not None
    database = sqlite3.connect(":memory:")
    database.execute("create table documents (id, text)")
    database.execute('create table entities (document_id, entity_id, label, start, "end", mention)')
    database.executemany("insert into documents values (?, ?)", [(d.id, d.text) for d in documents])
    names = ("document_id", "entity_id", "label", "start", "end", "mention")
    database.executemany(
        "insert into entities values (?, ?, ?, ?, ?, ?)",
        [tuple(row[name] for name in names) for row in entity_rows(documents) if ";" not in row["fragments"]],
    )
    found = database.execute(query.group(1)).fetchall()
    database.close()
    assert len(found) == 8
    assert [words for *_, words in found] == [mention for _, _, mention, _ in found]


def test_the_catalog_page_states_every_corpus_with_its_licence_and_schema() -> None:
    table = columns(CORPORA, "| corpus | role |")
    assert sorted(table) == packaged_names()
    for name, (_, licence, label_schema, file_format, *_) in table.items():
        entry = catalog_entry(name)
        assert licence.partition(" ")[0].casefold() == entry.licence.partition(" ")[0].casefold()
        assert label_schema.strip("`") == (entry.schema or "none")
        assert file_format.strip(" |").partition(",")[0] == entry.format


@pytest.fixture(scope="module")
def splits(corpora_folder: Path) -> dict[tuple[str, str], list[Document]]:
    """Every split of the catalog that anybody may have, read once."""
    return {
        (name, split): load_corpus(name, split, corpora_folder)
        for name in packaged_names()
        for split in catalog_entry(name).splits
        if catalog_entry(name).access != "agreement"
    }


def test_the_catalog_page_states_the_counts_of_every_split(splits: Mapping[tuple[str, str], list[Document]]) -> None:
    stated = {}
    for name, split, rest in re.findall(r"^\| `([\w-]+)` \| ([\w-]+) \|(.*)\|$", CORPORA, flags=re.MULTILINE):
        stated[name, split] = [int(cell.strip().replace(",", "") or 0) for cell in rest.split("|")]
    kinds = ("text", "entities", "relations", "events", "groups", "concept_relations")
    assert set(stated) == set(splits)
    # Corpora annotated for this project grow; the page tells of those that the release holds.
    for key, documents in splits.items():
        if catalog_entry(key[0]).annotates is None:
            found = [len(documents), *(sum(len(getattr(d, kind)) for d in documents) for kind in kinds)]
            assert stated[key] == found, key


def test_the_catalog_page_states_which_texts_occur_twice(splits: Mapping[tuple[str, str], list[Document]]) -> None:
    table = columns(CORPORA, "| between | shared |")

    def articles(name: str, split: str) -> set[str]:
        return {str(d.metadata.get("group") or d.id) for d in splits[name, split]}

    def texts(name: str, split: str) -> set[str]:
        return {" ".join(d.text.split()) for d in splits[name, split]}

    def again(name: str, first: str, second: str) -> int:
        """How many documents of `second` have a text of `first`."""
        known = texts(name, first)
        return sum(" ".join(d.text.split()) in known for d in splits[name, second])

    for split in ("train", "dev"):
        shared = [len(articles("bc5cdr", s) & articles("phee", split)) for s in ("train", "dev", "test")]
        said = next(row[0] for name, row in table.items() if name.endswith(f"`phee` {split}"))
        assert [int(n) for n in re.findall(r"\d+", said)] == shared
    pairs = [("train", "dev"), ("train", "test"), ("dev", "test")]
    in_row = {key.strip("`").partition("`")[0]: row[0] for key, row in table.items() if "each other" in key}
    shared = [len(texts("mts-dialog", a) & texts("mts-dialog", b)) for a, b in pairs]
    assert [int(n) for n in re.findall(r"\d+", in_row["mts-dialog"])] == shared
    said = " ".join(row[0] for name, row in table.items() if name.startswith("chia"))
    found = [again("chia", *pairs[i]) for i in (1, 0, 2)]
    assert [int(n) for n in re.findall(r"(\d+) (?:sections|documents) of|; (\d+) of", said) for n in n if n] == found


def test_the_notice_names_every_corpus_that_the_default_model_learns_from() -> None:
    recipe = yaml.safe_load((ROOT / "recipes" / "default.yaml").read_text("utf-8"))
    sources = [source["corpus"] for source in recipe["sources"]]
    entries = [catalog_entry(name) for name in sources if not name.startswith("invented:")]
    assert len(entries) >= 7
    for entry in [*entries, *(catalog_entry(e.annotates) for e in entries if e.annotates)]:
        place = NOTICE.casefold().find(entry.name)
        assert place >= 0, entry.name
        licence = re.split(r"[ ;(]", entry.licence)[0].casefold()
        assert licence in NOTICE[place : place + 1000].casefold(), entry.name
