from medspan.scoring import Counts, score


def counted(report, measure):
    c = report.tally(measure).micro
    return c.tp, c.fp, c.fn


def test_a_value_counts_where_its_mention_is_found(note):
    gold = note(
        "Problem 0-5 assertion=present",
        "Problem 10-15 assertion=absent",
        "Problem 20-25 assertion=possible",
        "Problem 30-35 assertion=present",
    )
    predicted = note(
        "Problem 0-5 assertion=present",  # right
        "Problem 10-15 assertion=present",  # wrong value
        "Problem 20-26 assertion=possible",  # right value, longer mention
        "Problem 50-55 assertion=present",  # made up
    )
    report = score([gold], [predicted])
    assert counted(report, "attributes.assertion.strict") == (1, 3, 3)
    assert counted(report, "attributes.assertion.lenient") == (2, 2, 2)
    assert report.tally("attributes.assertion.strict").labels == {
        "present": Counts(1, 2, 1),
        "absent": Counts(0, 0, 1),
        "possible": Counts(0, 1, 1),
    }
    block = report.to_dict()["attributes"]["assertion"]
    assert block["accuracy_on_matched"] == 1 / 2
    assert block["strict"]["labels"]["present"]["tp"] == 1


def test_a_missing_value_is_wrong_on_a_matched_mention_and_a_mention_without_any_is_not_asked(note):
    gold = note("Problem 0-5 assertion=present", "Test 10-15", "Problem 20-25 assertion=absent")
    predicted = note("Problem 0-5", "Test 10-15", "Problem 20-25 assertion=absent")
    report = score([gold], [predicted])
    assert counted(report, "attributes.assertion.strict") == (1, 0, 1)
    assert report.figures["attributes", "assertion", "accuracy_on_matched"] == 1 / 2


def test_duplicate_mentions_are_paired_so_that_values_agree(note):
    gold = note("Problem 0-5 assertion=present", "Problem 0-5 assertion=absent")
    predicted = note("Problem 0-5 assertion=absent", "Problem 0-5 assertion=present")
    report = score([gold], [predicted])
    assert counted(report, "attributes.assertion.strict") == (2, 0, 0)
    assert report.figures["attributes", "assertion", "accuracy_on_matched"] == 1.0


def test_events_carry_attributes_at_their_trigger_apart_from_entities(note):
    on_event = note("Sign 0-5", events=("Sign T1 polarity=negative",))
    on_entity = note("Sign 0-5 polarity=negative", events=("Sign T1",))
    assert counted(score([on_event], [on_event]), "attributes.polarity.strict") == (1, 0, 0)
    assert counted(score([on_event], [on_entity]), "attributes.polarity.strict") == (0, 1, 1)
    assert counted(score([on_event], [on_entity]), "attributes.polarity.lenient") == (0, 1, 1)


def test_each_attribute_has_its_own_scores(note):
    gold = note("Problem 0-5 assertion=present severity=mild")
    predicted = note("Problem 0-5 assertion=present severity=severe")
    report = score([gold], [predicted])
    assert counted(report, "attributes.assertion.strict") == (1, 0, 0)
    assert counted(report, "attributes.severity.strict") == (0, 1, 1)
