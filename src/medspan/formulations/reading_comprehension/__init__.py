"""The `reading_comprehension` formulation: a question for every label, and further ones about each head mention.

After the method of Peng et al. (arXiv 2303.08262), with questions read from the label schema and none left out.
"""

from medspan.formulations.reading_comprehension.answers import Answers, entity_answers, link_answers, link_questions
from medspan.formulations.reading_comprehension.options import Options
from medspan.formulations.reading_comprehension.places import gap_codes
from medspan.formulations.reading_comprehension.questions import (
    MAX_QUOTED,
    Asked,
    Questions,
    entity_texts,
    link_texts,
    shown_mentions,
)
from medspan.formulations.reading_comprehension.tails import NewTails, merge_directions, with_new_tails

__all__ = [
    "MAX_QUOTED",
    "Answers",
    "Asked",
    "NewTails",
    "Options",
    "Questions",
    "entity_answers",
    "entity_texts",
    "gap_codes",
    "link_answers",
    "link_questions",
    "link_texts",
    "merge_directions",
    "shown_mentions",
    "with_new_tails",
]
