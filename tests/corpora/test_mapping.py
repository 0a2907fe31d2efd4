"""Mappings from corpus schemas to the product's schema, on invented notes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from medspan.annotation import Argument, Attribute, Document, Entity, Event, LabelSchema, Relation, Span
from medspan.corpora.mapping import map_documents, mapping, mapping_from_dict, mapping_names
from medspan.corpora.schemas import schema
from medspan.errors import AnnotationError, ConfigError, UnknownNameError

SOURCE = LabelSchema.from_dict(
    {
        "name": "toy",
        "entities": [{"name": n, "definition": "."} for n in ("Sign", "Site", "Dose", "Drug")],
        "attributes": [{"name": "NEG", "definition": ".", "values": ["true"], "labels": ["Sign"]}],
        "relations": [{"name": "MOD", "definition": ".", "heads": ["Site", "Dose"], "tails": ["Sign", "Drug"]}],
        "events": [
            {
                "name": "Harm",
                "definition": ".",
                "trigger": "Sign",
                "roles": [{"name": "By", "definition": ".", "labels": ["Drug"]}],
            }
        ],
    }
)
TARGET = schema("clinical")
RULES: dict[str, Any] = {
    "source": "toy",
    "target": "clinical",
    "entities": {"Sign": "Problem", "Site": "Anatomy", "Dose": "Strength", "Drug": "Drug"},
    "attributes": {"NEG": {"to": "assertion", "values": {"true": "absent"}, "default": "present"}},
    "relations": {"MOD": None},
    "events": {"Harm": None},
}


def build(text: str, *marks: tuple[str, str], relations: tuple[tuple[str, int, int], ...] = ()) -> Document:
    """A document whose entities T1, T2 ... are the first places of the given words."""
    entities = tuple(
        Entity(f"T{i}", label, (Span(text.index(words), text.index(words) + len(words)),))
        for i, (label, words) in enumerate(marks, start=1)
    )
    return Document(
        "n1",
        text,
        entities=entities,
        relations=tuple(
            Relation(f"R{i}", label, f"T{h}", f"T{t}") for i, (label, h, t) in enumerate(relations, start=1)
        ),
    )


def mentions(document: Document) -> list[tuple[str, str]]:
    return [(e.label, document.mention(e)) for e in document.entities]


def pairs(document: Document) -> list[tuple[str, str, str]]:
    words = {e.id: document.mention(e) for e in document.entities}
    return [(r.label, words[r.head], words[r.tail]) for r in document.relations]


@pytest.mark.parametrize("name", mapping_names())
def test_every_packaged_mapping_lists_its_whole_source_and_annotates_something(name: str) -> None:
    found = mapping(name)
    assert set(found.rules.entities) == set(found.source.labels)
    assert set(found.rules.relations) == {r.name for r in found.source.relations}
    assert set(found.annotates.entities) <= set(found.target.labels)
    assert found.target.name == "clinical" and found.annotates.entities


@pytest.mark.parametrize("name", mapping_names())
def test_annotated_relations_have_heads_and_tails_that_the_mapping_can_give(name: str) -> None:
    found = mapping(name)
    given = {t for rules in found.rules.entities.values() for rule in rules for t in rule.targets}
    for relation in found.target.relations:
        if relation.name in found.annotates.relations:
            assert given & set(relation.heads) and given & set(relation.tails), relation.name


def test_an_unknown_mapping_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'maccrobat'"):
        mapping("macrobat")


def test_documents_in_the_products_own_terms_stay_as_they_are() -> None:
    document = build("aspirin 81 mg", ("Drug", "aspirin"), ("Strength", "81 mg"), relations=(("Strength-Drug", 2, 1),))
    assert map_documents([document], "clin") == [document]


def test_social_history_events_keep_their_form() -> None:
    document = replace(
        build("smokes daily", ("Tobacco", "smokes"), ("Frequency", "daily")),
        events=(Event("E1", "Tobacco", "T1", (Argument("Frequency", "T2"),)),),
    )
    assert mapping("sdoh").apply(document) == document


def test_words_of_severity_and_site_join_their_finding() -> None:
    document = build(
        "severe right knee pain; mass in the left lung",
        *(("Severity", "severe"), ("Biological_structure", "right knee"), ("Sign_symptom", "pain")),
        *(("Sign_symptom", "mass"), ("Biological_structure", "left lung")),
        relations=(("MODIFY", 1, 3), ("MODIFY", 2, 3), ("MODIFY", 5, 4)),
    )
    mapped = mapping("maccrobat").apply(document)
    assert mentions(mapped) == [
        ("Anatomy", "right knee"),
        ("Problem", "severe right knee pain"),
        ("Problem", "mass in the left lung"),
        ("Anatomy", "left lung"),
    ]
    assert pairs(mapped) == [
        ("Anatomy-Problem", "right knee", "severe right knee pain"),
        ("Anatomy-Problem", "left lung", "mass in the left lung"),
    ]


@pytest.mark.parametrize(
    "text", ["severe, pain", "severe\npain", "severe and bad pain"], ids=["comma", "line break", "words between"]
)
def test_only_white_space_on_one_line_joins_neighbours(text: str) -> None:
    document = build(text, ("Severity", "severe"), ("Sign_symptom", "pain"), relations=(("MODIFY", 1, 2),))
    assert mentions(mapping("maccrobat").apply(document)) == [("Problem", "pain")]


def test_a_neighbour_without_a_link_or_with_a_dropped_word_stays_out() -> None:
    apart = build("severe pain", ("Severity", "severe"), ("Sign_symptom", "pain"))
    dropped = build(
        "new rash", ("Detailed_description", "new"), ("Sign_symptom", "rash"), relations=(("MODIFY", 1, 2),)
    )
    assert mentions(mapping("maccrobat").apply(apart)) == [("Problem", "pain")]
    assert mentions(mapping("maccrobat").apply(dropped)) == [("Problem", "rash")]


@pytest.mark.parametrize(
    ("polarity", "assertion"),
    [
        ("NEG", "absent"),
        ("MAYBE_NEG", "possible"),
        ("UNCERTAIN", "possible"),
        ("MAYBE_POS", "possible"),
        (None, "present"),
    ],
)
def test_polarity_becomes_assertion_on_problems_alone(polarity: str | None, assertion: str) -> None:
    document = build("fever after CT", ("Sign_symptom", "fever"), ("Diagnostic_procedure", "CT"))
    marks = (Attribute("POLARITY", polarity),) if polarity else ()
    document = replace(document, entities=tuple(replace(e, attributes=marks) for e in document.entities))
    fever, ct = mapping("maccrobat").apply(document).entities
    assert fever.attribute("assertion") == assertion
    assert ct.attributes == ()


def test_events_that_wrap_their_trigger_pass_on_attributes_and_relations() -> None:
    document = replace(
        build(
            "glucose 90, no fever", ("Diagnostic_procedure", "glucose"), ("Lab_value", "90"), ("Sign_symptom", "fever")
        ),
        events=(
            Event("E1", "Diagnostic_procedure", "T1"),
            Event("E2", "Sign_symptom", "T3", attributes=(Attribute("POLARITY", "NEG"),)),
        ),
        relations=(Relation("R1", "MODIFY", "T2", "E1"),),
    )
    mapped = mapping("maccrobat").apply(document)
    assert pairs(mapped) == [("Value-Test", "90", "glucose")]
    assert mapped.entities[2].attribute("assertion") == "absent"
    assert mapped.events == ()


def test_an_event_of_another_corpus_is_refused_rather_than_lost() -> None:
    document = replace(
        build("smokes daily", ("Sign_symptom", "smokes"), ("Frequency", "daily")),
        events=(Event("E1", "Tobacco", "T1", (Argument("Frequency", "T2"),)),),
    )
    with pytest.raises(AnnotationError, match=r"'n1': event E1 is a 'Tobacco'"):
        mapping("maccrobat").apply(document)


@pytest.mark.parametrize(
    ("dosage", "expected"),
    [
        ("500 mg", [("Strength", "500 mg")]),
        ("2 mg/kg", [("Strength", "2 mg/kg")]),
        ("20 mg/day", [("Strength", "20 mg")]),
        ("1,200 mg twice a day", [("Strength", "1,200 mg"), ("Frequency", "twice a day")]),
        ("30 mg, daily", [("Strength", "30 mg"), ("Frequency", "daily")]),
        ("10 units", [("Dosage", "10 units")]),
        ("as needed", [("Frequency", "as needed")]),
        ("low dose", []),
    ],
)
def test_a_dosage_is_split_by_what_it_says(dosage: str, expected: list[tuple[str, str]]) -> None:
    document = build(f"xylomab {dosage}", ("Medication", "xylomab"), ("Dosage", dosage), relations=(("MODIFY", 2, 1),))
    mapped = mapping("maccrobat").apply(document)
    assert mentions(mapped) == [("Drug", "xylomab"), *expected]
    assert pairs(mapped) == [(f"{label}-Drug", words, "xylomab") for label, words in expected]
    assert "unannotated" not in mapped.metadata


def test_a_schedule_that_fits_no_pattern_is_masked() -> None:
    document = build("xylomab three cycles", ("Medication", "xylomab"), ("Dosage", "three cycles"))
    mapped = mapping("maccrobat").apply(document)
    assert mapped.metadata["unannotated"] == [[8, 20]]
    assert mentions(mapped) == [("Drug", "xylomab")]


def test_statements_of_history_are_masked_and_metadata_is_kept() -> None:
    document = replace(build("history of gout", ("History", "history of gout")), metadata={"split": "train"})
    mapped = mapping("maccrobat").apply(document)
    assert mapped.metadata == {"split": "train", "unannotated": [[0, 15]]}
    assert document.metadata == {"split": "train"}


def test_a_duration_is_a_drugs_only_where_it_modifies_one() -> None:
    document = build(
        "xylomab for 10 days, cough for 3 weeks",
        *(("Medication", "xylomab"), ("Duration", "10 days"), ("Sign_symptom", "cough"), ("Duration", "3 weeks")),
        relations=(("MODIFY", 2, 1), ("MODIFY", 4, 3)),
    )
    mapped = mapping("maccrobat").apply(document)
    assert [label for label, _ in mentions(mapped)] == ["Drug", "Duration", "Problem", "Time"]
    assert pairs(mapped) == [("Duration-Drug", "10 days", "xylomab")]


def test_a_cause_that_runs_from_drug_to_finding_is_turned_round() -> None:
    document = build(
        "xylomab caused rash", ("Medication", "xylomab"), ("Sign_symptom", "rash"), relations=(("CAUSE", 1, 2),)
    )
    assert pairs(mapping("maccrobat").apply(document)) == [("ADE-Drug", "rash", "xylomab")]


def phee_document(*roles: tuple[str, str], text: str, attributes: tuple[Attribute, ...] = ()) -> Document:
    document = build(text, ("Adverse_event", "caused"), *roles)
    arguments = tuple(Argument(role, f"T{i}") for i, (role, _) in enumerate(roles, start=2))
    return replace(document, events=(Event("E1", "Adverse_event", "T1", arguments, attributes),))


def test_an_adverse_event_gives_effects_reasons_and_details_of_drugs() -> None:
    document = phee_document(
        *(("Effect", "a rash"), ("Treatment.Drug", "xylomab"), ("Treatment.Drug", "plinacin")),
        *(("Treatment.Dosage", "5 mg"), ("Treatment.Disorder", "gout")),
        text="xylomab 5 mg and plinacin for gout caused a rash",
    )
    mapped = mapping("phee").apply(document)
    assert ("Problem", "rash") in mentions(mapped)
    assert sorted(pairs(mapped)) == [
        ("ADE-Drug", "rash", "plinacin"),
        ("ADE-Drug", "rash", "xylomab"),
        ("Reason-Drug", "gout", "plinacin"),
        ("Reason-Drug", "gout", "xylomab"),
        ("Strength-Drug", "5 mg", "xylomab"),
    ]
    assert TARGET.problems(mapped) == []


@pytest.mark.parametrize("by", ["cue word", "attribute"])
def test_a_denied_event_gives_no_adverse_effect(by: str) -> None:
    roles = [("Effect", "rash"), ("Treatment.Drug", "xylomab")] + ([("Negated", "never")] if by == "cue word" else [])
    attributes = (Attribute("Negated"),) if by == "attribute" else ()
    document = phee_document(*roles, text="xylomab never caused rash", attributes=attributes)
    assert pairs(mapping("phee").apply(document)) == []


def test_a_drug_named_inside_its_disorder_is_not_given_for_it() -> None:
    document = phee_document(
        *(("Treatment.Drug", "plinacin"), ("Treatment.Drug", "xylomab"), ("Treatment.Disorder", "xylomab tremor")),
        text="plinacin for xylomab tremor caused",
    )
    assert pairs(mapping("phee").apply(document)) == [("Reason-Drug", "xylomab tremor", "plinacin")]


def test_an_effect_that_tells_a_story_is_masked() -> None:
    text = "xylomab caused fever which lasted for days"
    mapped = mapping("phee").apply(phee_document(("Effect", "fever which lasted for days"), text=text))
    assert mentions(mapped) == []
    assert mapped.metadata["unannotated"] == [[15, 42]]


def test_one_mention_with_one_label_becomes_one_entity() -> None:
    document = phee_document(
        *(("Effect", "rash"), ("Treatment.Drug", "xylomab"), ("Treatment.Combination.Drug", "xylomab")),
        text="xylomab caused rash",
    )
    mapped = mapping("phee").apply(document)
    assert mentions(mapped) == [("Problem", "rash"), ("Drug", "xylomab")]
    assert pairs(mapped) == [("ADE-Drug", "rash", "xylomab")]


def test_only_values_of_measurements_are_test_results() -> None:
    document = build(
        "creatinine > 2, age over 70",
        *(("Measurement", "creatinine"), ("Value", "> 2"), ("Person", "age"), ("Value", "over 70"), ("Line", ", ")),
        relations=(("Has_value", 1, 2), ("Has_value", 3, 4)),
    )
    mapped = mapping("chia").apply(document)
    assert mentions(mapped) == [("Test", "creatinine"), ("Value", "> 2")]
    assert pairs(mapped) == [("Value-Test", "> 2", "creatinine")]
    assert mapped.metadata["unannotated"] == [[20, 27]]


def test_diseases_take_words_of_severity_before_them_by_pattern() -> None:
    document = build("developed severe acute gastritis", ("Disease", "gastritis"))
    assert mentions(mapping("bc5cdr").apply(document)) == [("Problem", "severe acute gastritis")]
    inside_a_word = build("subacute gastritis", ("Disease", "gastritis"))
    assert mentions(mapping("bc5cdr").apply(inside_a_word)) == [("Problem", "gastritis")]


def test_discontinuous_mentions_keep_their_fragments() -> None:
    document = Document("n1", "renal and liver failure", (Entity("T1", "Disease", (Span(0, 5), Span(16, 23))),))
    assert mapping("bc5cdr").apply(document).entities[0].fragments == (Span(0, 5), Span(16, 23))


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("entities", {"Sign": "Problem", "Site": None, "Dose": None}, r"entities: not listed: \['Drug'\]; map each"),
        ("entities", {**RULES["entities"], "Sing": None}, r"entities: \['Sing'\] are not in schema 'toy'"),
        ("entities", {**RULES["entities"], "Sign": "Symptom"}, "entity 'Sign': 'Symptom' is not among Problem"),
        ("entities", {**RULES["entities"], "Sign": {"too": "Problem"}}, "unknown key 'too'; did you mean 'to'"),
        ("entities", {**RULES["entities"], "Sign": {"match": "("}}, "does not compile"),
        ("entities", {**RULES["entities"], "Sign": {"match": "(?P<Pain>x)"}}, "'Pain' is not among"),
        ("entities", {**RULES["entities"], "Sign": {"match": "(?P<Drug>x)", "to": "Drug"}}, "not both"),
        ("attributes", {"NEG": {"to": "assertion", "values": {}}}, r"NEG values: not listed: \['true'\]"),
        ("attributes", {"NEG": {"to": "assertion", "values": {"true": "no"}}}, "'no' is not among present"),
        ("relations", {}, r"relations: not listed: \['MOD'\]"),
        ("relations", {"MOD": {"head": "Site", "tail": "Sign", "to": "Site-Of"}}, "relation 'MOD': 'Site-Of' is not"),
        ("relations", {"MOD": {"head": "Place", "to": "Anatomy-Problem"}}, "relation 'MOD': 'Place' is not among Sign"),
        (
            "relations",
            {"MOD": {"head": "Sign", "tail": "Site", "to": "Anatomy-Problem"}},
            "a 'Anatomy-Problem' has Anatomy as its head, but this rule's head becomes Problem",
        ),
        ("events", {"Harm": {"head": "By", "tail": "By", "to": "ADE-Drug"}}, "event 'Harm': a 'ADE-Drug' has Problem"),
        ("events", {"Harm": {"head": "Of", "tail": "By", "to": "ADE-Drug"}}, "event 'Harm': 'Of' is not among By"),
        ("events", {"Harm": "Damage"}, "event 'Harm': 'Damage' is not among Alcohol"),
        ("annotates", {"entities": ["Test"]}, "annotates: 'Test' is not among"),
        ("annotates", {"relations": ["ADE-Drug"]}, "annotates: 'ADE-Drug' is not among anything mapped"),
        ("anotates", {}, "unknown key 'anotates'; did you mean 'annotates'"),
    ],
)
def test_a_mapping_that_does_not_hold_together_says_where(section: str, value: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        mapping_from_dict({**RULES, section: value}, SOURCE, TARGET)
    assert "mapping 'toy' to 'clinical'" in str(caught.value)


def test_a_pattern_may_be_written_over_several_lines() -> None:
    rules = {**RULES, "entities": {**RULES["entities"], "Drug": [{"match": "(?:gin\n  |rum)"}, {"to": "Drug"}]}}
    found = mapping_from_dict(rules, SOURCE, TARGET)
    document = build("rum with xylomab", ("Drug", "rum"), ("Drug", "xylomab"))
    assert mentions(found.apply(document)) == [("Drug", "xylomab")]


def test_the_example_in_the_documentation_reads() -> None:
    text = (Path(__file__).parents[2] / "docs" / "schemas.md").read_text(encoding="utf-8")
    example = yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])
    full = {
        **example,
        # The page shows an extract; the rest of the source is left out here.
        "entities": {**dict.fromkeys(schema("maccrobat").labels), **example["entities"]},
        "relations": {**{r.name: None for r in schema("maccrobat").relations}, **example["relations"]},
        "attributes": {"TREND": None, "POLARITY": {**example["attributes"]["POLARITY"]}},
    }
    for value in ("MAYBE_NEG", "UNCERTAIN", "MAYBE_POS"):
        full["attributes"]["POLARITY"]["values"].setdefault(value, "possible")
    found = mapping_from_dict(full, schema("maccrobat"), TARGET)
    document = build(
        "severe pain, 5 mg daily", ("Severity", "severe"), ("Sign_symptom", "pain"), ("Dosage", "5 mg daily")
    )
    document = replace(document, relations=(Relation("R1", "MODIFY", "T1", "T2"),))
    assert mentions(found.apply(document)) == [("Problem", "severe pain"), ("Strength", "5 mg"), ("Frequency", "daily")]
