"""Sentence boundaries on invented notes of many kinds. In the notes here ¦ marks where a sentence must end."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medspan.text import sentences

NOTES = {
    "titles and initials": "Dr. J. R. Abel saw Mrs. Stone with Prof. K. Lund. ¦He agreed.",
    "abbreviated doses": "Given metoprolol 25 mg p.o. b.i.d. and heparin 5000 units s.q. q.8h. for now. "
    "¦Tolerated well.",
    "a dose abbreviation may end a sentence": "Start lisinopril 10 mg p.o. q.d. ¦Recheck potassium in 1 wk. "
    "¦Call if dizzy.",
    "doses in capitals go on": "Oxycodone 5 mg tab. PRN pain, senna 8.6 mg p.o. QHS. ¦No refills.",
    "hours": "Lorazepam 0.5 mg q.4-6h. p.r.n. anxiety. ¦Last dose at 3 p.m. ¦She slept.",
    "decimals and dates": "Creatinine fell from 2.31 to 1.0 on 1/2/2020. ¦INR 2.5. ¦WBC .8 on 03.04.2020.",
    "numbers with No.": "A No. 5 catheter was placed, cf. Fig. 2. ¦Approx. 30 cc. of fluid were lost, i.e. very "
    "little.",
    "no as an answer": "Any chest pain? ¦No. ¦Any cough? ¦Yes!",
    "versus": "Pneumonia vs. CHF vs. PE, e.g. by CT. ¦Will image.",
    "letters that are no initials": "She takes vitamin D. ¦Her mother had hepatitis C. ¦He is blood group B. "
    "¦Dr. B. Good agrees.",
    "degrees": "Seen by A. Mann, M.D. ¦The wound is clean.",
    "species": "Urine grew E. coli and S. aureus. ¦Both were sensitive.",
    "question mark before a guess": "Infiltrate at the base, ? pneumonia, ?CHF. ¦Repeat film.",
    "small letters throughout": "pt doing well today. ¦tolerating diet. ¦will go home tomorrow.",
    "a forgotten space": "Abdomen is soft.Bowel sounds are present.¦ Extremities warm.".replace("soft.", "soft.¦"),
    "quotes and brackets": 'He said "I feel fine." ¦She disagreed (see above.) ¦Then they left.',
    "ellipsis": "She hesitated... ¦Then she agreed... after a while.",
    "placeholders": "[**Known lastname 12**] was seen by Dr. [**First Name8 (NamePattern2) 3.4**] at "
    "[**Hospital 7. East**]. ¦___ is a ___ year old. ¦<NAME> saw [REDACTED]. ¦[**2101-3-4**] was the date.",
    "placeholder that wraps": "Transferred from [**Hospital Ward\nName 4**] in stable condition. ¦Alert.",
    "inline numbered list": "DISCHARGE MEDICATIONS: ¦1. Aspirin 81 mg p.o. q.d. ¦2. Plavix 75 mg ¦3. Insulin "
    "2.5 units. ¦"
    "4. Multivitamin.",
    "inline list with brackets": "Plan: ¦1) stop heparin ¦2) start warfarin 5 mg ¦3) check INR on day 3. ¦Follow up.",
    "counted numbers are no list": "Murmur is grade 2. ¦He took 1. ¦She has stage 3. ¦Pain was 5. ¦He rested.",
    "inline bullets": "Exam: • lungs clear • heart regular".replace(" •", " ¦•"),
    "numbered lines": "1. Aspirin 81 mg daily\n¦2. Metoprolol succinate XL 50 mg by mouth every morning with\nfood\n"
    "¦3.Senna\n¦10. Zinc",
    "lines with dashes": "- Lisinopril 10 mg\n¦-Atorvastatin 40 mg at bedtime\n¦* Aspirin\n¦+ cough\n¦# HTN: "
    "stable\n¦#2 DM",
    "lettered lines": "a. chest pain resolved\n¦b. dyspnea better\n¦(c) edema worse\n¦ii) weight down",
    "list in small letters": "meds\n¦\nasa 81\n¦metoprolol 25 bid\n¦lasix prn",
    "headers": "HISTORY OF PRESENT ILLNESS\n¦A man with cough.\n¦\nPast medical history:\n¦Asthma\n¦Gout\n"
    "¦ALLERGIES: none known"
    "\n¦Family history: father had MI.",
    "hard wrapped": "The patient is a 61-year-old woman with a history of coronary artery\ndisease who was "
    "found by her "
    "husband on the floor. ¦She was brought to\nthe emergency room where a CT of the head was normal. ¦In the\n"
    "afternoon she was alert.",
    "hard wrapped at a name": "She was transferred to the medical floor under the care of the team of\nDr. Holm, who "
    "stopped all of her sedating drugs and called her cousin\nIvy for more history.",
    "hard wrapped at an abbreviation": "The patient was referred to us for evaluation of palpitations by "
    "Dr.\nStone last "
    "week.",
    "hard wrapped at a number": "On the second day after the operation the patient had a hemoglobin of\n12. ¦He "
    "was given "
    "no blood.",
    "hard wrapped in capitals": "THE HEART IS NORMAL IN SIZE AND THE LUNGS ARE CLEAR WITHOUT EVIDENCE OF\nFOCAL "
    "CONSOLIDATION OR EFFUSION.\n¦THE BONES ARE INTACT.",
    "short lines": "Lungs clear\n¦Heart regular\n¦Abdomen soft\n¦No edema",
    "short lines that are not finished": "Admitted for chest pain and\nDyspnea on exertion,\nEdema, and\nfatigue.",
    "vital signs": "T: 98.6\n¦BP: 120/80\n¦HR 72, RR 16\n¦O2 sat. 98% RA",
    "rules of dashes": "Labs stable\n¦----------\n¦Plan\n¦==========",
    "windows line ends": "Cough.\r\n¦\r\nPlan:\r\n¦Rest at home until the fever is gone and the cough is "
    "better, then go back\r\n"
    "to work.\r\n",
    "unicode line ends": "Alert\u2028¦Oriented\u2029¦Pleasant\x85¦Calm",
    "tabs and tables": "\tNa 140\tK 4.1\tCl 102\n¦\tCa 9.2\tMg 2.0\n",
    "emoji and accents": "Señor Núñez está bien 👍. ¦Él tomó aspirina. ¦Ça va.",
    "scripts without spaces": "患者没有发热。¦血压正常！¦继续观察。",
    "right to left": "المريض بخير. ¦هل يوجد ألم؟ ¦لا",
    "list of rates": "MEDS: ¦1. Senna once a day ¦2. Prednisone for two weeks ¦3. Warfarin, stop on day 4. ¦Check INR.",
    "one word": "Stable",
    "telegram style": "61M w/ h/o CAD s/p CABG p/w CP. ¦r/o MI. ¦EF 35%. ¦cont. lasix 20 mg p.o. qd.\n¦#. CHF\n¦#) HTN",
    "a prescription": "Sig: One (1) Tablet PO DAILY (Daily). ¦Disp:*30 Tablet(s)* Refills:*2*\n¦2. Zinc",
    "family history in one line": "Father: MI at 50, died 2 mos. later; mother: DM2. ¦No hx. of cancer.",
    "trailing stop after digits": "Weight is 82. ¦Height is 180 cm. ¦BMI is 25.3.",
    "enumeration after a colon": "IMPRESSION: ¦1. No acute disease. ¦2. Old fracture of rib 7. ¦It is healed.",
}


@pytest.mark.parametrize("name", NOTES)
def test_sentences_end_where_the_golden_notes_say(name: str) -> None:
    marked = NOTES[name]
    text = marked.replace("¦", "")
    expected = [piece.strip() for piece in marked.split("¦") if piece.strip()]
    assert [text[s.start : s.end] for s in sentences(text)] == expected


def test_empty_and_blank_texts_have_no_sentences() -> None:
    assert sentences("") == []
    assert sentences(" \r\n\t\u2003\n") == []


PIECES = st.sampled_from(
    "1.|2)|3. |Dr.|p.o. |[**|**]|\n|\r\n|\n\n|- |•|:|A|b.|?|!|...|ABC|the | |\t|\u2028|\x00|。|patient|9|(|)|___|\x1c|"
    f"é|👍|{'x' * 70}".split("|")
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=60).map("".join))


@settings(deadline=None)  # the machine may be busy
@given(TEXTS)
@example("\x1c")
@example("[**\n**]")
def test_sentences_are_in_order_trimmed_and_cover_every_character_that_is_no_white_space(text: str) -> None:
    spans = sentences(text)
    covered = 0
    for span in spans:
        assert not text[covered : span.start].strip()
        piece = text[span.start : span.end]
        assert piece == piece.strip()
        covered = span.end
    assert not text[covered:].strip()


@settings(deadline=None)  # the machine may be busy
@given(TEXTS, TEXTS)
def test_a_blank_line_always_separates_so_parts_can_be_split_alone(left: str, right: str) -> None:
    joined = left + "\n\n" + right
    if "[**" in left:
        return
    shift = len(left) + 2
    assert sentences(joined) == sentences(left) + [s.shift(shift) for s in sentences(right)]


PROSE = "The patient was given aspirin 81 mg p.o. q.d. and\ndid well. Dr. Stone agreed.\n"
UNITS = ["x", ".", ". ", "A. ", "a\n", "A\n", "? a", "1. a ", "[**", "[**a", "\n", "(", ".'", "A: b\n", "- a\n", "A-"]


def test_a_million_characters_take_a_second() -> None:
    text = PROSE * (1_000_000 // len(PROSE))
    began = time.process_time()
    assert len(sentences(text)) == 2 * text.count("agreed")
    assert time.process_time() - began < 5  # 0.3 s on an idle machine


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_linearly_with_texts_of_any_kind(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    began = time.process_time()
    sentences(text)
    assert time.process_time() - began < 10  # about 1 s at worst; anything quadratic would take hours
