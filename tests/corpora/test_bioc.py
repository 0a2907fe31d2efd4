"""BioC in both syntaxes: passages with gaps, sentences, several locations, roles, units of offsets, damaged files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from corpora.any_documents import documents
from corpora.roundtrip import assert_round_trip, same
from medspan.annotation import Argument, Attribute, ConceptRelation, Document, Entity, Event, Group, Relation, Span
from medspan.corpora.formats import ReadResult, guess_format, read, write
from medspan.errors import FormatError

Record = dict[str, Any]


def annotation(key: str, text: str, *locations: tuple[int, int], **infons: str) -> Record:
    places = [{"offset": offset, "length": length} for offset, length in locations]
    return {"id": key, "infons": {"type": "Disease", **infons}, "text": text, "locations": places}


def relation(key: str, *nodes: tuple[str, str], **infons: str) -> Record:
    ends = [{"refid": refid, "role": role} for refid, role in nodes]
    return {"id": key, "infons": infons, "nodes": ends}


def passage(offset: int, text: str | None, **parts: Any) -> Record:
    given: Record = {"infons": {}, "sentences": [], "annotations": [], "relations": [], **parts}
    return {"offset": offset, **({} if text is None else {"text": text}), **given}


def collection(*passages: Record, relations: Any = (), **infons: str) -> Record:
    document = {"id": "D1", "infons": infons, "passages": list(passages), "annotations": [], "relations": relations}
    return {"source": "invented", "date": "2026", "key": "x.key", "infons": {"a": "b"}, "documents": [document]}


def xml_of(record: Record) -> bytes:
    """Write the same collection as BioC XML, by hand, so that the reader is not tested against its own writer."""
    from xml.etree.ElementTree import Element, SubElement, tostring

    root = Element("collection")
    for key in ("source", "date", "key"):
        SubElement(root, key).text = record[key]
    infons(root, record)
    for document in record["documents"]:
        made = SubElement(root, "document")
        SubElement(made, "id").text = document["id"]
        infons(made, document)
        for part in document["passages"]:
            element = SubElement(made, "passage")
            infons(element, part)
            SubElement(element, "offset").text = str(part["offset"])
            if "text" in part:
                SubElement(element, "text").text = part["text"]
            for sentence in part["sentences"]:
                child = SubElement(element, "sentence")
                infons(child, sentence)
                SubElement(child, "offset").text = str(sentence["offset"])
                SubElement(child, "text").text = sentence["text"]
                annotations(child, sentence)
            annotations(element, part)
        annotations(made, document)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def infons(element: Any, record: Record) -> None:
    from xml.etree.ElementTree import SubElement

    for key, value in record["infons"].items():
        SubElement(element, "infon", key=key).text = value


def annotations(element: Any, record: Record) -> None:
    from xml.etree.ElementTree import SubElement

    for item in record["annotations"]:
        made = SubElement(element, "annotation", id=item["id"])
        infons(made, item)
        for location in item["locations"]:
            SubElement(made, "location", offset=str(location["offset"]), length=str(location["length"]))
        SubElement(made, "text").text = item["text"]
    for item in record["relations"]:
        made = SubElement(element, "relation", id=item["id"])
        infons(made, item)
        for node in item["nodes"]:
            SubElement(made, "node", refid=node["refid"], role=node["role"])


def both(folder: Path, record: Record) -> ReadResult:
    """Read a collection in both syntaxes, check that they agree, and return what was read."""
    folder.mkdir(exist_ok=True)
    (folder / "c.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "c.xml").write_bytes(xml_of(record))
    results = [read(folder / "c.json", "bioc-json"), read(folder / "c.xml", "bioc")]
    assert [p.reason for p in results[0].problems] == [p.reason for p in results[1].problems]
    for left, right in zip(results[0].documents, results[1].documents, strict=True):
        assert left.metadata["bioc-json"] == right.metadata["bioc"]
        assert same(left, Document(**{**vars(right), "metadata": {}}), "bioc-json")
    for name, result in zip(("bioc-json", "bioc"), results, strict=True):
        write(result.documents, folder / "again", name)
        assert read(folder / "again", name).documents == result.documents
    return results[1]


def test_passages_with_offset_gaps_keep_absolute_offsets(tmp_path: Path) -> None:
    first = passage(3, "Gout é😀.", annotations=[annotation("T1", "Gout", (3, 4))], infons={"section": "title"})
    second = passage(20, "No mumps.", annotations=[annotation("T2", "mumps", (23, 5))])
    result = both(tmp_path, collection(first, second, pmid="1"))
    assert not result.problems
    (document,) = result.documents
    assert document.text == "\n  Gout é😀.\n        No mumps."
    assert [(e.start, document.mention(e)) for e in document.entities] == [(3, "Gout"), (23, "mumps")]
    kept = document.metadata["bioc"]
    assert [(p["start"], p["end"], p["infons"]) for p in kept["passages"]] == [
        (3, 11, {"section": "title"}),
        (20, 29, {}),
    ]
    assert (kept["infons"], kept["collection"]["key"]) == ({"pmid": "1"}, "x.key")


def test_annotations_in_sentences_are_read_and_written_back_there(tmp_path: Path) -> None:
    sentences = [
        passage(0, "Gout. ", annotations=[annotation("T1", "Gout", (0, 4))]),
        passage(6, "Mumps.", annotations=[annotation("T2", "Mumps", (6, 5))], infons={"n": "2"}),
    ]
    own = [annotation("T3", "mps", (8, 3))]
    for text in (None, "Gout. Mumps."):
        folder = tmp_path / f"{text is None}"
        result = both(folder, collection(passage(0, text, sentences=sentences, annotations=own)))
        (document,) = result.documents
        assert not result.problems
        assert document.text == "Gout. Mumps."
        assert [document.mention(e) for e in document.entities] == ["Gout", "Mumps", "mps"]
        write([document], folder / "again.json", "bioc-json", lossy=True)
        (written,) = json.loads((folder / "again.json").read_text(encoding="utf-8"))["documents"][0]["passages"]
        assert [[a["id"] for a in s["annotations"]] for s in written["sentences"]] == [["T1"], ["T2"]]
        assert [a["id"] for a in written["annotations"]] == ["T3"]
        assert [s["infons"] for s in written["sentences"]] == [{}, {"n": "2"}]
        assert bool(written["text"]) == (text is not None)


def test_several_locations_are_fragments_of_one_mention(tmp_path: Path) -> None:
    parts = [annotation("T1", "chest pain", (9, 4), (0, 5)), annotation("T2", "chest...and back", (0, 5), (5, 8))]
    result = both(tmp_path, collection(passage(0, "chest or pain", annotations=parts)))
    (document,) = result.documents
    assert document.entities[0].fragments == (Span(0, 5), Span(9, 13))
    assert [(p.action, p.reason) for p in result.problems] == [
        ("kept", "annotation 2: the stated mention differs from the text at 0")
    ]


def test_ids_repeated_between_passages_are_renumbered_and_relations_stay_with_their_own(tmp_path: Path) -> None:
    def part(offset: int, words: tuple[str, str]) -> Record:
        mentions = [annotation("0", words[0], (offset, 4)), annotation("1", words[1], (offset + 5, 4))]
        return passage(
            offset, " ".join(words), annotations=mentions, relations=[relation("R0", ("1", "x"), ("0", "y"), type="r")]
        )

    result = both(tmp_path, collection(part(0, ("gout", "itch")), part(10, ("rash", "pain"))))
    (document,) = result.documents
    assert [e.id for e in document.entities] == ["0", "1", "0_2", "1_2"]
    assert [(r.id, r.head, r.tail) for r in document.relations] == [("R0", "1", "0"), ("R0_2", "1_2", "0_2")]
    assert {p.action for p in result.problems} == {"repaired"}
    assert len(result.problems) == 3
    assert document.metadata["bioc"]["roles"] == {"R0": ["x", "y"], "R0_2": ["x", "y"]}


def test_the_first_identifying_infon_is_the_code_and_others_are_kept(tmp_path: Path) -> None:
    mentions = [
        annotation("T1", "gout", (0, 4), note="x", MESH="D006073", identifier="second"),
        annotation("T2", "gout", (0, 4), identifier=""),
    ]
    (document,) = both(tmp_path, collection(passage(0, "gout", annotations=mentions))).documents
    assert [e.code for e in document.entities] == ["D006073", None]
    kept = document.metadata["bioc"]
    assert kept["code_keys"] == {"T1": "MESH"}
    assert kept["entity_infons"]["T1"] == {"note": "x", "identifier": "second"}


def test_relations_of_other_than_two_nodes_become_groups_and_those_of_none_facts(tmp_path: Path) -> None:
    mentions = [annotation(f"T{n}", "gout", (0, 4)) for n in range(3)]
    relations = [
        relation("R1", ("T0", "a"), ("T1", "b"), ("T2", "c"), type="three"),
        relation("R2", ("T0", "a"), type="one"),
        relation("R3", ("R1", "whole"), ("T0", "part"), type="of relations"),
        relation("R4", relation="CID", Chemical="D1", Disease="D2"),
        relation("R5", type="Association", entity1="D3", entity2="D4", novel="No"),
    ]
    document_only = {"passages": [passage(0, "gout", annotations=mentions)], "id": "D1", "relations": relations}
    (tmp_path / "d.json").write_text(json.dumps(document_only), encoding="utf-8")
    result = read(tmp_path / "d.json")
    (document,) = result.documents
    assert not result.problems
    assert [(g.id, g.label, g.members) for g in document.groups] == [
        ("R1", "three", ("T0", "T1", "T2")),
        ("R2", "one", ("T0",)),
        ("R3", "of relations", ("R1", "T0")),
    ]
    assert document.concept_relations == (
        ConceptRelation("CID", "D1", "D2"),
        ConceptRelation("Association", "D3", "D4", ("No",)),
    )
    write([document], tmp_path / "again.json", "bioc-json")
    written = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))["documents"][0]["relations"]
    assert [[n["role"] for n in r["nodes"]] for r in written] == [["a", "b", "c"], ["a"], ["whole", "part"], [], []]
    assert [r["infons"] for r in written[3:]] == [r["infons"] for r in relations[3:]]


@pytest.mark.parametrize(
    ("first", "offset", "second", "told"),
    [
        ((6, 5), 12, (16, 4), None),
        ((10, 5), 16, (20, 4), "offsets count UTF-8 bytes; 2 are converted"),
        ((7, 5), 13, (17, 4), "offsets count UTF-16 units; 2 are converted"),
        (
            (6, 5),
            12,
            (4, 4),
            "offsets count code points within their passage or sentence; 2 are converted",
        ),
    ],
)
def test_the_unit_of_offsets_is_found_by_what_the_mentions_say(
    tmp_path: Path, first: tuple[int, int], offset: int, second: tuple[int, int], told: str | None
) -> None:
    parts = [
        passage(0, "é😀 no mumps", annotations=[annotation("T1", "mumps", first)]),
        passage(offset, "But gout.", annotations=[annotation("T2", "gout", second)]),
    ]
    result = both(tmp_path, collection(*parts))
    (document,) = result.documents
    assert document.text == "é😀 no mumps\nBut gout."
    assert [document.mention(e) for e in document.entities] == ["mumps", "gout"]
    assert [(p.action, p.reason) for p in result.problems] == ([("repaired", told)] if told else [])


def test_passages_that_begin_too_early_are_put_behind_the_preceding(tmp_path: Path) -> None:
    parts = [passage(0, f"{word} x", annotations=[annotation(word, word, (0, 4))]) for word in ("gout", "rash")]
    result = both(tmp_path, collection(*parts))
    (document,) = result.documents
    assert document.text == "gout x\nrash x"
    assert [document.mention(e) for e in document.entities] == ["gout", "rash"]
    assert [p.action for p in result.problems] == ["repaired"]


@pytest.mark.parametrize(
    ("mention", "action", "reason"),
    [
        (annotation("T1", "gout", (99, 4)), "skipped", "annotation 1: a location is empty or outside"),
        (annotation("T1", "gout", (0, 0)), "skipped", "annotation 1: a location is empty or outside"),
        (annotation("T1", "gout"), "kept", "annotation 1 has no location"),
        (annotation("T1", "rash", (0, 4)), "kept", "annotation 1: the stated mention differs"),
        (annotation("T1", "gout gout", (0, 4), (2, 6)), "repaired", "annotation 1: overlapping locations joined at 2"),
    ],
)
def test_odd_annotations_are_told(tmp_path: Path, mention: Record, action: str, reason: str) -> None:
    result = both(tmp_path, collection(passage(0, "gout gout", annotations=[mention])))
    assert (result.problems[0].action, result.problems[0].reason[: len(reason)]) == (action, reason)
    assert result.problems[0].document == "D1"


def test_what_bioc_has_no_place_for_travels_in_infons() -> None:
    document = Document(
        "n",
        "\ufeffA:\tB\r\n\rC 😀\u2028e\u0301 \n\n <&]]>'\"  ",
        (
            Entity("T2", "Problem", (Span(9, 10), Span(11, 12)), (Attribute("a", "absent"), Attribute("type", ""))),
            Entity("T1", "Test", (Span(1, 2),), (Attribute("a", "1"), Attribute("a", "2")), "C1"),
        ),
        (Relation("R1", "of", "E1", "T2"),),
        (Event("E1", "Do", "T1", (Argument("What", "T2"), Argument("What", "E1")), (Attribute("Negated"),)),),
        (Group("G1", "OR", ("T1", "R1")), Group("G2", "OR", ("G1", "E1")), Group("G3", "none", ())),
        (ConceptRelation("CID", "D1", "D2", ("x", "")),),
        {"ward": {"n": [1, None]}},
    )  # fmt: skip
    for name in ("bioc", "bioc-json"):
        assert assert_round_trip(name, document) == []


def test_characters_that_xml_cannot_hold_are_a_loss_of_xml_alone() -> None:
    document = Document("n", "a\x00b\x1f", (Entity("T\x01", "x", (Span(0, 2),), (Attribute("n", "\x02"),)),))
    assert assert_round_trip("bioc-json", document) == []
    assert [(loss.kind, loss.id) for loss in assert_round_trip("bioc", document)] == [
        ("characters", None),
        ("characters", "T\x01"),
    ]


def test_a_collection_comes_back_whole_and_in_order(tmp_path: Path) -> None:
    found = both(tmp_path, collection(passage(0, "gout"), pmid="1")).documents
    others = [Document(f"n{n}", "x" * n) for n in range(3)]
    for name in ("c.xml.gz", "c.json.gz"):
        format_name = "bioc-json" if "json" in name else "bioc"
        write([*found, *others], tmp_path / name, format_name)
        assert guess_format(tmp_path / name) == format_name
        back = read(tmp_path / name).documents
        assert [(d.id, d.text) for d in back] == [("D1", "gout"), ("n0", ""), ("n1", "x"), ("n2", "xx")]
        assert back[3].metadata[format_name]["collection"]["source"] == "invented"


def test_no_document_is_a_collection_too(tmp_path: Path) -> None:
    for name in ("bioc", "bioc-json"):
        write([], tmp_path / name, name)
        assert read(tmp_path / name, name).documents == ()


def test_the_reference_to_the_dtd_that_files_begin_with_is_harmless(tmp_path: Path) -> None:
    content = xml_of(collection(passage(0, "gout"))).split(b"?>", 1)
    path = tmp_path / "c.xml"
    path.write_bytes(content[0] + b'?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n' + content[1])
    assert read(path, "bioc").documents[0].text == "gout"


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE collection [<!ENTITY a "b">]>',
        '<!DOCTYPE collection SYSTEM "BioC.dtd" [<!ENTITY a "b">]>',
        '<!DOCTYPE collection SYSTEM "file:///etc/hostname">',
    ],
)
def test_declarations_are_refused(tmp_path: Path, declaration: str) -> None:
    path = tmp_path / "c.xml"
    path.write_text(declaration + "<collection/>", encoding="utf-8")
    with pytest.raises(FormatError, match=r"c\.xml line 1: a DOCTYPE"):
        read(path, "bioc")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.xml", b""),
        ("c.xml", b"<html><body/></html>"),
        ("c.xml", b"<collection><document><id>gout"),
        ("c.xml", b"<collection>" * 400),
        ("c.xml", b"<collection><source>\xff</source></collection>"),
        ("c.xml", "<collection/>".encode("utf-16")),
        ("c.json", b""),
        ("c.json", b"gout"),
        ("c.json", b"[" * 100_000),
        ("c.json", b'{"a": ' + b"9" * 5000 + b"}"),
        ("c.json", b'{"gout": 1}'),
        ("c.json", b"[1, 2]"),
        ("c.json", b'\xff{"documents": []}'),
    ],
)
def test_what_is_no_bioc_is_refused_by_name_and_without_its_words(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"c\.(xml|json)") as caught:
        read(path, "bioc-json" if name == "c.json" else "bioc")
    assert "gout" not in str(caught.value)


def test_a_document_that_cannot_be_read_is_skipped_beside_sound_ones(tmp_path: Path) -> None:
    record = collection(passage(0, "gout"))
    broken = {**record["documents"][0], "id": "D2", "passages": [passage(0, "rash")]}
    record["documents"] = [broken, *record["documents"]]
    xml = xml_of(record).replace(b"<offset>0</offset>", b"<offset>zero</offset>", 1)
    broken["passages"][0]["offset"] = "zero"
    (tmp_path / "c.xml").write_bytes(xml)
    (tmp_path / "c.json").write_text(json.dumps(record), encoding="utf-8")
    for name, format_name in (("c.xml", "bioc"), ("c.json", "bioc-json")):
        result = read(tmp_path / name, format_name)
        assert [d.text for d in result.documents] == ["gout"]
        assert [p.action for p in result.problems] == ["skipped"]
    far = collection(passage(10**12, "gout"), passage(0, "x"))
    (tmp_path / "far.json").write_text(json.dumps(far), encoding="utf-8")
    with pytest.raises(FormatError, match="a passage at 1000000000000 leaves a gap of 1000000000000 characters"):
        read(tmp_path / "far.json", "bioc-json")


def test_what_precedes_the_damage_is_read(tmp_path: Path) -> None:
    record = collection(passage(0, "gout"))
    record["documents"] *= 2
    content = xml_of(record)
    (tmp_path / "c.xml").write_bytes(content[: content.rindex(b"<passage>") + 12])
    result = read(tmp_path / "c.xml", "bioc")
    assert [d.text for d in result.documents] == ["gout"]
    assert [(p.document, p.action) for p in result.problems] == [("c.xml", "skipped")]
    assert "c.xml line 2" in result.problems[0].reason


def test_every_shape_that_services_give_is_read(tmp_path: Path) -> None:
    record = collection(passage(0, "gout"))
    document = record["documents"][0]
    lines = "".join(json.dumps({"bioctype": "BioCDocument", **document}) + "\n" for _ in range(2))
    shapes = {
        "a.json": (json.dumps([record, record]), 2),
        "b.json": (json.dumps({"PubTator3": [document]}), 1),
        "c.json": (json.dumps(document), 1),
        "d.json": (json.dumps([document]), 1),
        "e.jsonl": (lines, 2),
    }
    for name, (content, n) in shapes.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        assert [d.text for d in read(tmp_path / name, "bioc-json").documents] == ["gout"] * n


def test_a_text_beyond_the_parser_s_limit_ends_in_our_error(tmp_path: Path) -> None:
    path = tmp_path / "c.xml.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"<collection><document><id>1</id><passage><offset>0</offset><text>")
        for _ in range(100):
            file.write(b"a" * 2**20)
        file.write(b"</text></passage></document></collection>")
    assert path.stat().st_size < 2**20
    with pytest.raises(FormatError, match="limits of size and depth"):
        read(path, "bioc")


@pytest.mark.parametrize("name", ["bioc", "bioc-json"])
@pytest.mark.parametrize("kept", ["gout", {"passages": [{"start": 0}]}, {"passages": 3}, {"homes": {"T1": "x"}}])
def test_metadata_that_no_reader_gave_is_refused_or_passed_over(tmp_path: Path, name: str, kept: object) -> None:
    document = Document("n", "gout", (Entity("T1", "x", (Span(0, 4),)),), metadata={name: kept})
    if kept == "gout":
        assert assert_round_trip(name, document) == []
    else:
        with pytest.raises(FormatError, match="is not as reading BioC gives it"):
            write([document], tmp_path / "out", name)


def test_a_text_changed_since_it_was_read_is_written_as_one_passage(tmp_path: Path) -> None:
    (document,) = both(tmp_path, collection(passage(0, "gout"), passage(5, "rash"))).documents
    changed = Document("D1", "gout, rash", metadata=document.metadata)
    write([changed], tmp_path / "c.json", "bioc-json")
    assert read(tmp_path / "c.json").documents[0].text == "gout, rash"


@pytest.mark.parametrize("name", ["bioc", "bioc-json"])
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents())
def test_any_document_comes_back_or_every_difference_is_named(name: str, document: Document) -> None:
    assert_round_trip(name, document)


def test_a_document_of_another_xml_is_no_empty_note(tmp_path: Path) -> None:
    (tmp_path / "d1.xml").write_text(
        '<document id="d1"><sentence id="d1.s0" text="gout"/></document>', encoding="utf-8"
    )
    with pytest.raises(FormatError, match="neither id nor passage; is this BioC"):
        read(tmp_path / "d1.xml", "bioc")
