from medspan.annotation import Argument, Document, Entity, Event, LabelSchema, Span
from medspan.inference.completeness import only_complete

SCHEMA = LabelSchema.from_dict(
    {
        "name": "habits",
        "entities": [{"name": n, "definition": n} for n in ("Tobacco", "Status", "Amount", "Problem")],
        "events": [
            {
                "name": "Tobacco",
                "definition": "Use.",
                "roles": [
                    {"name": "Status", "definition": "When.", "labels": ["Status"], "is_required": True},
                    {"name": "Amount", "definition": "How much.", "labels": ["Amount"]},
                ],
            }
        ],
    }
)


def _note(*arguments: Argument) -> Document:
    mentions = (("T1", "Tobacco", 0, 6), ("T2", "Status", 7, 11), ("T3", "Amount", 12, 18), ("T4", "Problem", 19, 24))
    entities = tuple(Entity(i, label, (Span(start, end),)) for i, label, start, end in mentions)
    return Document("n", "smoked once a pack, cough", entities, events=(Event("E1", "Tobacco", "T1", arguments),))


def test_an_event_with_an_argument_stays_as_it_is() -> None:
    for note in (_note(Argument("Status", "T2"), Argument("Amount", "T3")), _note(Argument("Amount", "T3"))):
        assert only_complete(note, SCHEMA) == note


def test_a_bare_trigger_goes_where_the_schema_requires_an_argument() -> None:
    left = only_complete(_note(), SCHEMA)
    assert left.events == ()
    assert [entity.id for entity in left.entities] == ["T2", "T3", "T4"]


def test_a_bare_trigger_stays_where_the_schema_requires_nothing() -> None:
    free = LabelSchema.from_dict(
        {
            "name": "free",
            "entities": [{"name": "Tobacco", "definition": "Use."}],
            "events": [{"name": "Tobacco", "definition": "Use.", "roles": []}],
        }
    )
    assert only_complete(_note(), free) == _note()


def test_a_trigger_shared_with_a_complete_event_stays() -> None:
    bare = _note()
    whole = Event("E2", "Tobacco", "T1", (Argument("Status", "T2"),))
    left = only_complete(Document(bare.id, bare.text, bare.entities, events=(*bare.events, whole)), SCHEMA)
    assert left.events == (whole,)
    assert [entity.id for entity in left.entities] == ["T1", "T2", "T3", "T4"]
