import pytest

from medspan.annotation import Attribute, Document, Entity, Relation, Span
from medspan.errors import ScoringError
from medspan.scoring import score
from medspan.scoring.official.i2b2_2012.values import same_value

TEXT = "for severe chest pain . Then on 1993-01-13 he was well again."
NAMES = {"EVENT": ("type", "modality", "polarity"), "TIMEX3": ("type", "val", "mod"), "SECTIME": ("type", "dvalue")}


def document(*entities, links=(), outside=(), key="n1", text=TEXT):
    """A note from "E1 EVENT 10-20 PROBLEM FACTUAL POS" and links "E1 T1 BEFORE"; `outside` has ends of any name."""

    def entity(form):
        name, label, place, *values = form.split()
        start, end = map(int, place.split("-"))
        attributes = tuple(map(Attribute, NAMES[label], values))
        return Entity(name, label, (Span(start, end),), attributes)

    relations = []
    for n, form in enumerate(links):
        head, tail, kind, *name = form.split()
        relations.append(Relation(name[0] if name else f"TL{n}", kind, head, tail))
    entries = [dict(zip(("id", "fromID", "toID", "type"), form, strict=True)) for form in outside]
    metadata = {"i2b2-2012": {"links": entries}} if entries else {}
    return Document(key, text, tuple(map(entity, entities)), tuple(relations), metadata=metadata)


def measured(gold, predicted):
    report = score([gold], [predicted], scorer="i2b2-2012")

    def counted(measure):
        c = report.tally(measure).micro
        return c.tp, c.fp, c.fn

    return report, counted


# --- EVENT ------------------------------------------------------------------------------------------------------------

CHEST_PAIN = "E1 EVENT 11-21 PROBLEM FACTUAL POS"
# A predicted EVENT against "chest pain"; then the credit in halves and how many attributes count as correct.
GOLDEN = {
    "a": ("E1 EVENT 4-21 TEST POSSIBLE NEG", 0, 0),
    "b": ("E1 EVENT 4-21 PROBLEM POSSIBLE NEG", 1, 1),
    "c": ("E1 EVENT 11-21 TEST POSSIBLE NEG", 2, 0),
    "d": ("E1 EVENT 11-23 PROBLEM FACTUAL POS", 2, 3),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_golden_events_get_the_credit_worked_by_hand(case):
    form, credit, n_attributes = GOLDEN[case]
    report, counted = measured(document(CHEST_PAIN), document(form))
    assert counted("entities.EVENT.overlap") == ((1, 0, 0) if credit else (0, 1, 1))
    assert counted("entities.EVENT.exact") == ((1, 0, 0) if credit == 2 else (0, 1, 1))
    assert counted("entities.EVENT.partial") == (credit, 2 - credit, 2 - credit)
    assert report.figures["entities", "EVENT", "partial", "f1"] == credit / 2
    accuracies = [report.figures["attributes", "EVENT", name, "accuracy"] for name in NAMES["EVENT"]]
    assert sum(accuracies) == n_attributes


def test_words_make_a_match_exact_and_offsets_do_not():
    text = "chest pain, chest  pain"
    gold = document("E1 EVENT 0-10 A B C", text=text)
    assert measured(gold, document("E1 EVENT 0-11 A B C", text=text))[1]("entities.EVENT.exact") == (0, 1, 1)
    spread = document("E1 EVENT 12-23 A B C", text=text)
    assert measured(spread, spread)[1]("entities.EVENT.exact") == (1, 0, 0)


def test_overlap_asks_for_one_character_more_where_the_first_begins_later():
    left, right = document("E1 EVENT 4-12 A B C"), document("E1 EVENT 11-21 A B C")
    # The right one begins later: looked up in the left one it lacks a character, the other way round it does not.
    report, counted = measured(left, right)
    assert report.figures["entities", "EVENT", "overlap", "recall"] == 1.0
    assert report.figures["entities", "EVENT", "overlap", "precision"] == 0.0
    assert report.figures["entities", "EVENT", "overlap", "average"] == 0.5
    assert counted("entities.EVENT.overlap") == (0, 1, 0)


def test_a_mention_without_word_characters_meets_nothing():
    both = document("E1 EVENT 22-23 A B C")
    assert measured(both, both)[1]("entities.EVENT.overlap") == (0, 1, 1)


def test_an_exact_match_takes_the_partner_of_an_inexact_one_who_is_left_with_nothing():
    gold = document("E1 EVENT 4-21 PROBLEM FACTUAL POS", CHEST_PAIN.replace("E1", "E2"))
    predicted = document("E1 EVENT 11-21 PROBLEM POSSIBLE NEG")
    report, counted = measured(gold, predicted)
    assert counted("entities.EVENT.overlap") == (1, 0, 1)
    assert counted("entities.EVENT.exact") == (1, 0, 1)
    assert report.figures["attributes", "EVENT", "type", "accuracy"] == 0.5  # of all gold, matched or not


def test_of_exact_partners_the_one_that_agrees_in_more_attributes_is_held():
    gold = document(CHEST_PAIN)
    predicted = document("E1 EVENT 11-21 TEST POSSIBLE POS", "E2 EVENT 11-21 PROBLEM FACTUAL POS")
    report, counted = measured(gold, predicted)
    assert counted("entities.EVENT.overlap") == (1, 1, 0)
    assert report.figures["attributes", "EVENT", "modality", "accuracy"] == 1.0


def test_attributes_agree_whatever_their_case():
    report, _ = measured(document(CHEST_PAIN), document(CHEST_PAIN.lower().replace("e1 event", "E1 EVENT")))
    assert report.figures["attributes", "EVENT", "polarity", "accuracy"] == 1.0


# --- TIMEX3 -----------------------------------------------------------------------------------------------------------


def test_a_later_partner_overwrites_one_whose_value_does_not_agree():
    gold = document("T1 TIMEX3 32-42 DATE 1993-01-13 NA")
    wrong_then_right = document("T1 TIMEX3 32-42 DATE 1994 NA", "T2 TIMEX3 29-42 DATE 1993-01-13 APPROX")
    report, counted = measured(gold, wrong_then_right)
    assert counted("entities.TIMEX3.overlap") == (1, 1, 0)
    assert counted("entities.TIMEX3.exact")[2] == 1  # the inexact one is held now
    assert report.figures["attributes", "TIMEX3", "val", "accuracy"] == 1.0
    assert report.figures["attributes", "TIMEX3", "mod", "accuracy"] == 0.0


def test_an_inexact_time_takes_the_partner_of_an_inexact_one():
    gold = document("T1 TIMEX3 29-42 DATE 1993 NA", "T2 TIMEX3 24-42 DATE 1993-01-13 NA")
    predicted = document("T1 TIMEX3 32-42 DATE 1993-01-13 NA")
    report, _ = measured(gold, predicted)
    assert report.figures["entities", "TIMEX3", "overlap", "recall"] == 0.5
    assert report.figures["attributes", "TIMEX3", "val", "accuracy"] == 0.5


@pytest.mark.parametrize(
    ("kind", "a", "b", "modifiers", "expected"),
    [
        ("DATE", "1993-01-13", "1993-01-13", "NA NA", True),
        ("DATE", "1993-01-13", "1993-01", "NA NA", False),
        ("TIME", "1993-01-13T09:00", "1993-01-13T09:00", "NA APPROX", True),
        ("DURATION", "P23H", "PT23H", "NA NA", True),
        ("DURATION", "P30S", "PT30S", "NA NA", True),
        ("DURATION", "PT3M", "PT3M", "NA NA", True),
        ("DURATION", "PT3M", "P3M", "NA NA", False),
        ("DURATION", "PT3M", "P3M", "APPROX NA", False),
        ("DURATION", "PT3M", "PT5M", "APPROX NA", True),
        ("DURATION", "P2D", "P3D", "NA NA", False),
        ("DURATION", "P2D", "P4D", "APPROX NA", True),
        ("DURATION", "P2D", "P4.9D", "NA MORE", True),
        ("DURATION", "P2D", "P5D", "APPROX APPROX", False),
        ("DURATION", "P3D", "P3.0D", "NA NA", False),
        ("DURATION", "PT24H", "P1D", "NA NA", True),
        ("DURATION", "P8W", "P2M", "NA NA", True),
        ("DURATION", "P12M", "P1Y", "NA NA", True),
        ("DURATION", "P7D", "P1W", "NA NA", True),
        ("DURATION", "PT120M", "PT2H", "NA NA", True),
        ("DURATION", "PT2400S", "PT1H", "NA NA", True),
        ("DURATION", "PT3600S", "PT1H", "NA NA", False),
        ("DURATION", "P8D", "P1W", "NA NA", False),
        ("DURATION", "P9D", "P1W", "APPROX NA", False),
        ("DURATION", "P8D", "P1W", "APPROX NA", True),
        ("DURATION", "P5D", "P1W", "APPROX NA", True),
        ("DURATION", "P1W", "P21D", "APPROX NA", True),
        ("DURATION", "P1W", "P22D", "APPROX NA", False),
        ("DURATION", "P2D", "three days", "NA NA", False),
        ("DURATION", "P", "P", "NA NA", False),
        ("DURATION", "P3", "P4D", "NA NA", False),
        ("DURATION", "", "", "NA NA", True),
        ("FREQUENCY", "RP12H", "RPT12H", "NA NA", True),
        ("FREQUENCY", "R3P1D", "R3PT24H", "NA NA", True),
        ("FREQUENCY", "R3P1D", "R2P1D", "NA NA", False),
        ("FREQUENCY", "R2", "R2", "NA NA", True),
        ("FREQUENCY", "R2", "R2P1D", "NA NA", False),
        ("FREQUENCY", "P12H", "P12H", "NA NA", False),
        ("DURATION FREQUENCY", "P12H", "P12H", "NA NA", False),
        ("DURATION DATE", "P12H", "P12H", "NA NA", True),
    ],
)  # fmt: skip
def test_values_agree_as_the_rules_say(kind, a, b, modifiers, expected):
    kinds = kind.split()
    assert same_value((kinds[0], kinds[-1]), (a, b), tuple(modifiers.split())) is expected


# --- TLINK ------------------------------------------------------------------------------------------------------------

EVENTS = ("E1 EVENT 4-10 A B C", "E2 EVENT 11-21 A B C", "E3 EVENT 46-48 A B C", "T1 TIMEX3 32-42 DATE 1993-01-13 NA")


def test_original_links_need_the_same_ends_and_type_and_no_inverse_counts():
    gold = document(*EVENTS, links=("E1 E2 BEFORE", "E2 T1 OVERLAP", "E3 T1 AFTER"))
    predicted = document(*EVENTS, links=("E2 E1 AFTER", "E2 T1 SIMULTANEOUS", "E3 T1 BEFORE"))
    _, counted = measured(gold, predicted)
    assert counted("relations.TLINK.oo") == (1, 2, 2)
    assert counted("relations.TLINK.oc") == (2, 1, 1)
    assert counted("relations.TLINK.tempeval") == (2, 1, 1)


def test_links_go_by_mentions_whatever_the_ids():
    gold = document(*EVENTS, links=("E1 E2 BEFORE",))
    renamed = [form.replace("E1 ", "E9 ").replace("E2 ", "E1 ") for form in EVENTS[:2]]
    predicted = document(*renamed, links=("E9 E1 BEFORE",))
    _, counted = measured(gold, predicted)
    assert counted("relations.TLINK.oo") == (1, 0, 0)
    assert counted("relations.TLINK.tempeval") == (1, 0, 0)


def test_section_links_are_never_found_but_count():
    entities = (*EVENTS, "S1 SECTIME 32-42 ADMISSION 1993-01-13")
    both = document(*entities, links=("E1 S1 BEFORE", "E1 E2 BEFORE", "E1 E3 BEFORE TLR4"))
    _, counted = measured(both, both)
    assert counted("relations.TLINK.oo") == (1, 2, 2)


def test_our_own_numbers_of_relations_are_no_section_links():
    gold = document(*EVENTS, links=("E1 E2 BEFORE",))
    predicted = document(*EVENTS, links=("E1 E2 BEFORE R1",))
    assert measured(gold, predicted)[1]("relations.TLINK.oo") == (1, 0, 0)


def test_admission_and_discharge_stand_for_themselves():
    gold = document(*EVENTS, outside=[("TL1", "E1", "Admission", "BEFORE"), ("TL2", "E1", "", "BEFORE")])
    _, counted = measured(gold, gold)
    assert counted("relations.TLINK.oo") == (1, 1, 1)  # the link without an end is counted and never found
    assert counted("relations.TLINK.tempeval") == (1, 0, 0)  # and here it is left out


def test_implied_links_are_right_with_closure():
    gold = document(*EVENTS, links=("E1 E2 BEFORE", "E2 T1 OVERLAP", "T1 E3 BEFORE"))
    predicted = document(*EVENTS, links=("E1 T1 BEFORE", "E1 E3 BEFORE"))
    _, counted = measured(gold, predicted)
    assert counted("relations.TLINK.oo") == (0, 2, 3)
    assert counted("relations.TLINK.oc") == (2, 0, 3)
    assert counted("relations.TLINK.tempeval") == (2, 0, 3)


def test_redundant_links_leave_the_comparison_and_contradictory_ones_stay():
    gold = document(*EVENTS, links=("E1 E3 BEFORE", "E1 E2 BEFORE", "E2 E3 BEFORE", "E3 E1 BEFORE"))
    report, counted = measured(gold, gold)
    # E1 before E3 follows from the next two; the last contradicts and is still stated on both sides.
    assert counted("relations.TLINK.tempeval") == (3, 0, 0)
    assert report.figures["relations", "TLINK", "tempeval", "f1"] == 1.0


def test_closure_against_closure_counts_every_pair_that_follows():
    gold = document(*EVENTS, links=("E1 E2 BEFORE", "E2 E3 BEFORE"))
    predicted = document(*EVENTS, links=("E1 E2 BEFORE",))
    _, counted = measured(gold, predicted)
    assert counted("relations.TLINK.cc") == (2, 0, 4)  # before and after, of one pair and of three


def test_overlapping_mentions_of_one_side_come_out_as_one_with_closure():
    nested = ("E1 EVENT 4-21 A B C", "E2 EVENT 11-21 A B C", "E3 EVENT 46-48 A B C")
    both = document(*nested, links=("E2 E3 BEFORE",))
    assert measured(both, both)[1]("relations.TLINK.tempeval") == (1, 0, 0)


def test_sides_with_different_documents_are_refused():
    with pytest.raises(ScoringError, match=r"not predicted: 1 \(n2\)"):
        score([document(), document(key="n2")], [document()], scorer="i2b2-2012")


def test_the_report_says_that_closure_is_from_description():
    report = score([document(CHEST_PAIN)], [document(CHEST_PAIN)], scorer="i2b2-2012")
    assert "re-implemented from description" in report.to_dict()["basis"]


def test_with_closure_predicted_links_of_section_times_are_left_out_and_gold_ones_are_not():
    entities = (*EVENTS, "S1 SECTIME 32-42 ADMISSION 1993-01-13")
    both = document(*entities, links=("E1 S1 BEFORE", "E1 E2 BEFORE"))
    report, counted = measured(both, both)
    assert counted("relations.TLINK.tempeval") == (1, 0, 1)
    assert report.figures["relations", "TLINK", "tempeval", "recall"] == 0.5
