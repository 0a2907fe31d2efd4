"""The invented notes: the markup, the templates, and what the notes promise."""

import re
from random import Random

import pytest

from medspan.annotation import Document, LabelSchema, document_to_dict
from medspan.corpora.invent import KINDS, concatenate, invent, parse
from medspan.corpora.invent.grammar import Grammar, tidy
from medspan.corpora.invent.vocabulary import directions, drugs, symbols
from medspan.corpora.schemas import schema
from medspan.errors import AnnotationError, ConfigError, UnknownNameError

TINY = LabelSchema.from_dict(
    {
        "name": "tiny",
        "entities": [{"name": n, "definition": "."} for n in ("Drug", "Strength", "Problem", "Smoking", "State")],
        "attributes": [
            {"name": "assertion", "definition": ".", "values": ["present", "absent"], "labels": ["Problem"]},
        ],
        "relations": [
            {"name": "Strength-Drug", "definition": ".", "heads": ["Strength"], "tails": ["Drug"]},
            {"name": "Reason-Drug", "definition": ".", "heads": ["Problem"], "tails": ["Drug"]},
            {"name": "ADE-Drug", "definition": ".", "heads": ["Problem"], "tails": ["Drug"]},
        ],
        "events": [
            {
                "name": "Smoking",
                "definition": ".",
                "roles": [{"name": "Status", "definition": ".", "labels": ["State"]}],
            }
        ],
    }
)


def described(document: Document) -> list[tuple[str, str, str | None]]:
    return [(e.label, document.mention(e), e.attribute("assertion")) for e in document.entities]


def linked(document: Document) -> list[tuple[str, str, str]]:
    mention = {e.id: document.mention(e) for e in document.entities}
    return [(r.label, mention[r.head], mention[r.tail]) for r in document.relations]


def test_markup_gives_text_mentions_values_and_relations() -> None:
    document = parse(
        "[Drug #d|aspirin] [Strength >d|81 mg] for [Problem Reason>d|pain], no [Problem=absent|rash]", TINY
    )
    assert document.text == "aspirin 81 mg for pain, no rash"
    assert described(document) == [
        ("Drug", "aspirin", None),
        ("Strength", "81 mg", None),
        ("Problem", "pain", "present"),
        ("Problem", "rash", "absent"),
    ]
    assert linked(document) == [("Strength-Drug", "81 mg", "aspirin"), ("Reason-Drug", "pain", "aspirin")]


def test_a_link_to_a_trigger_is_an_argument_and_one_span_may_carry_two_labels() -> None:
    document = parse("[State >s|quit] [Smoking #s|smoking]; [Smoking #n & State >n|nonsmoker]", TINY)
    arguments = [
        (event.label, document.mention(document.by_id[event.trigger]), document.mention(document.by_id[a.target]))
        for event in document.events
        for a in event.arguments
    ]
    assert arguments == [("Smoking", "smoking", "quit"), ("Smoking", "nonsmoker", "nonsmoker")]


def test_mentions_nest_and_escapes_are_literal() -> None:
    document = parse(r"\[**Name**\] has [Problem|low [Drug|iron]]", TINY)
    assert document.text == "[**Name**] has low iron"
    assert described(document) == [("Problem", "low iron", "present"), ("Drug", "iron", None)]


def test_a_scope_keeps_its_names_to_itself_and_sees_those_around_it() -> None:
    document = parse("[Drug #d|a] ‹[Drug #d|b] [Strength >d|1 g]› [Strength >d|2 g] ‹[Strength >d|3 g]›", TINY)
    assert linked(document) == [
        ("Strength-Drug", "1 g", "b"),
        ("Strength-Drug", "2 g", "a"),
        ("Strength-Drug", "3 g", "a"),
    ]


def test_spans_leave_white_space_outside() -> None:
    document = parse("for [Problem| pain ]now", TINY)
    assert described(document) == [("Problem", "pain", "present")]


@pytest.mark.parametrize(
    ("markup", "message"),
    [
        ("[Drug|a", "never closed"),
        ("a]", "closes nothing"),
        ("a›", "closes nothing"),
        ("[Drug a", "has no"),
        ("[Drug| ]", "is empty"),
        ("[Tablet|a]", "no label"),
        ("[Problem=likely|a]", "assertion=likely"),
        ("[Drug=present|a]", "carries no attribute"),
        ("[Strength >d|a]", "called #d"),
        ("‹[Drug #d|a]›[Strength >d|b]", "called #d"),
        ("[Drug #d|a][Drug #d|b]", "declared twice"),
        ("[Problem >d|a][Drug #d|b]", "name one"),
        ("[Problem >s|a][Smoking #s|b]", "name one"),
        ("[Drug > d|a]", "cannot read"),
    ],
)
def test_markup_that_cannot_be_meant_is_refused(markup: str, message: str) -> None:
    with pytest.raises(AnnotationError, match=re.escape(message)):
        parse(markup, TINY)


def test_concatenation_moves_offsets_and_renumbers() -> None:
    part = parse("[Strength >d|1 g] [Drug #d|a]. [State >s|ex-][Smoking #s|smoker] ", TINY)
    joined = concatenate([part, part], "two")
    assert joined.text == part.text * 2
    assert described(joined) == described(part) * 2
    assert linked(joined) == linked(part) * 2
    assert [joined.by_id[e.trigger].start - len(part.text) for e in joined.events][1] == part.entities[3].start


def test_templates_expand_choices_options_and_lists() -> None:
    grammar = Grammar({"fruit": ["apple", "fig", "pear"], "pair": ["{fruit} {fruit?0}with {cream;sugar}"]}, Random(3))
    assert re.fullmatch(r"(apple|fig|pear) with (cream|sugar)", grammar.draw("pair"))
    assert grammar.draw("Fruit") in {"Apple", "Fig", "Pear"}
    assert re.fullmatch(r"\w+, \w+,? or \w+", grammar.expand("{fruit*or:3-3}"))
    assert grammar.bind({"fruit": ["plum"]}).expand("{fruit*and:2-4}") == "plum"
    with pytest.raises(ConfigError, match="no symbol"):
        grammar.expand("{vegetable}")


def test_tidying_closes_gaps_that_empty_slots_leave() -> None:
    assert tidy("a  [Drug| x ] , y .. A [Drug|apple]") == "a [Drug|x], y. An [Drug|apple]"


def test_every_slot_of_every_template_has_a_symbol_or_is_bound_per_note() -> None:
    bound = {"he", "his", "him", "himself", "patient", "age", "bp", "rate", "temp", "resp", "sat", "weight", "number"}
    bound |= {"drug", "generic", "brand", "strength", "any_strength", "any_frequency", "form", "route", "frequency"}
    bound |= {"prn", "duration", "site", "verb", "dose", "reason", "other", "drug_name", "drug_plain", "allergen_d"}
    bound |= {"med_list_item_d", "med_sentence_d", "ade_sentence_d", "allergy_item_d"}
    known = bound | set(symbols())
    for name, templates in symbols().items():
        for template in templates:
            for slot in re.findall(r"\{([^{};]+)\}", template):
                match = re.fullmatch(r"(\w+?)(?:\?\d*|\*[a-z]+(?::\d+-\d+)?)?", slot)
                assert match, (name, slot)
                assert match[1] in known or match[1][:1].lower() + match[1][1:] in known, (name, slot)


def test_the_vocabulary_is_wide() -> None:
    assert len({name.lower() for record in drugs() for name in record.names}) > 500
    assert {record.kind for record in drugs()} <= set(directions())
    problems = {
        p for key in ("disease", "symptom", "finding", "present_finding", "imaging_finding") for p in symbols()[key]
    }
    assert len(problems) > 300


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_notes_and_another_seed_others(kind: str) -> None:
    first = [document_to_dict(d) for d in invent(kind, 20, seed=11)]
    assert first == [document_to_dict(d) for d in invent(kind, 20, seed=11)]
    assert first[:5] == [document_to_dict(d) for d in invent(kind, 5, seed=11)]
    assert [d["text"] for d in first] != [d.text for d in invent(kind, 20, seed=12)]


@pytest.mark.parametrize("kind", KINDS)
def test_notes_follow_their_schema_and_their_mentions_are_whole(kind: str) -> None:
    legal = schema(KINDS[kind][0])
    texts = set()
    for document in invent(kind, 300, seed=5):
        assert document.metadata == {"kind": kind, "schema": legal.name}
        assert legal.problems(document) == []
        assert not re.search(r"[{}‹›\\]|,,| ,", document.text), document.id
        texts.add(document.text)
        for entity in document.entities:
            words = document.text[entity.start : entity.end]
            assert words == document.mention(entity) == words.strip()
            assert words[-1] not in ",;", document.id
            before = document.text[entity.start - 1 : entity.start]
            assert not (before.isalnum() and words[0].isalnum()), (document.id, entity.id)
    assert len(texts) > 240


def test_every_label_value_and_relation_is_taught() -> None:
    for name in ("clin", "sdoh"):
        documents = [d for kind, (of, _) in KINDS.items() if of == name for d in invent(kind, 300, seed=2)]
        legal = schema(name)
        seen = {e.label for d in documents for e in d.entities}
        assert seen == set(legal.labels)
        values = {(a.name, a.value) for d in documents for e in d.entities for a in e.attributes}
        assert values == {(a.name, value) for a in legal.attributes for value in a.values}
        assert {r.label for d in documents for r in d.relations} == {r.name for r in legal.relations}
        assert {e.label for d in documents for e in d.events} == {e.name for e in legal.events}


def test_every_event_has_a_status() -> None:
    for document in invent("social", 300, seed=4):
        for event in document.events:
            assert [a.role for a in event.arguments].count("Status") == 1, document.id


def test_a_status_list_shares_one_span() -> None:
    shared = 0
    for document in invent("social", 100, seed=6):
        targets = [a.target for event in document.events for a in event.arguments if a.role == "Status"]
        shared += len(targets) != len(set(targets))
    assert shared > 10


def test_details_belong_to_one_drug_each_unless_two_names_share_them() -> None:
    for document in invent("medications", 200, seed=8):
        heads = {r.head for r in document.relations}
        for entity in document.entities:
            if entity.label in {"Strength", "Form", "Dosage", "Frequency", "Route", "Duration"}:
                assert entity.id in heads, (document.id, entity.id)


def test_an_unknown_kind_or_a_negative_number_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="medications"):
        invent("medication", 1, seed=0)
    with pytest.raises(ConfigError, match="negative"):
        invent("social", -1, seed=0)
