from dataclasses import replace

import pytest

from medspan.annotation import Group, LabelSchema
from medspan.scoring import score


def counted(report, measure="groups.strict"):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def grouped(note, entities, *groups, **more):
    return replace(note(*entities, **more), groups=tuple(Group(f"G{i}", *group) for i, group in enumerate(groups)))


def test_groups_are_not_scored_unless_asked(note):
    document = grouped(note, ("Drug 0-5", "Drug 6-9"), ("OR", ("T1", "T2")))
    assert "groups" not in score([document], [document]).to_dict()
    assert counted(score([document], [document], with_groups=True)) == (1, 0, 0)
    official = score([document], [document], scorer="n2c2-2018", with_groups=True)
    assert "groups" not in official.to_dict()
    assert counted(official.clean) == (1, 0, 0)


GOLD = (("Drug 0-5", "Drug 6-9", "Form 20-25"), ("OR", ("T1", "T2")), ("AND", ("T3", "G0")))


@pytest.mark.parametrize(
    ("entities", "groups", "expected"),
    [
        (GOLD[0], GOLD[1:], (2, 0, 0)),
        (("Form 20-25", "Drug 6-9", "Drug 0-5"), (("OR", ("T2", "T3")), ("AND", ("G0", "T1"))), (2, 0, 0)),
        (GOLD[0], (("OR", ("T1", "T3")), ("AND", ("T3", "G0"))), (1, 1, 1)),
        (GOLD[0], (("XOR", ("T1", "T2")), ("AND", ("T3", "G0"))), (0, 2, 2)),
        (GOLD[0], (("OR", ("T1", "T2")), ("OR", ("T2", "T1"))), (1, 1, 1)),
        (("Drug 0-5", "Drug 6-10", "Form 20-25"), GOLD[1:], (1, 1, 1)),
    ],
)
def test_groups_are_equal_in_label_and_members_whatever_the_order(note, entities, groups, expected):
    gold = grouped(note, *GOLD)
    assert counted(score([gold], [grouped(note, entities, *groups)], with_groups=True)) == expected


def test_a_group_of_two_equal_mentions_is_not_a_group_of_one(note):
    entities = ("Drug 0-5", "Drug 0-5")
    gold, predicted = grouped(note, entities, ("OR", ("T1", "T2"))), grouped(note, entities, ("OR", ("T1",)))
    assert counted(score([gold], [predicted], with_groups=True)) == (0, 1, 1)


def test_relations_and_events_in_a_group_are_known_by_their_mentions(note):
    entities = ("Drug 0-5", "Form 6-9")
    more = {"relations": ("Form-Drug T2 T1",), "events": ("Use T1",)}
    gold = grouped(note, entities, ("OR", ("R1", "E1")), **more)
    assert counted(score([gold], [gold], with_groups=True)) == (1, 0, 0)
    other = grouped(note, entities, ("OR", ("R1", "T1")), **more)
    assert counted(score([gold], [other], with_groups=True)) == (0, 1, 1)


def test_restriction_takes_a_group_with_any_of_its_members_and_leaves_the_others(note):
    schema = LabelSchema.from_dict({"name": "drugs", "entities": [{"name": "Drug", "definition": "A medicine."}]})
    gold = grouped(note, GOLD[0], *GOLD[1:], ("NOT", ("G1",)))
    report = score([gold], [gold], schema=schema, with_groups=True)
    assert report.tally("groups.strict").labels.keys() == {"OR"}
