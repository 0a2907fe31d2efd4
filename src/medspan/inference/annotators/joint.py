"""`joint`: everything from one pass over each window."""

from collections.abc import Mapping, Sequence

from medspan.annotation import Document
from medspan.formulations import Row
from medspan.formulations.mentions import Thresholds, decode
from medspan.inference.annotators import Parts
from medspan.inference.annotators.by_window import annotate_by_window, text_states
from medspan.models.joint import JointScorer

__all__ = ["JointAnnotator"]


class JointAnnotator:
    """Gives entities, attributes, relations and events of any head sets."""

    needs_entities = False
    has_thresholds = True

    def __init__(self, parts: Parts) -> None:
        self.tokenizer = parts.tokenizer
        self.encoder = parts.encoder
        self._parts = parts
        self._scorer = JointScorer(parts.weights, parts.layouts)

    def annotate(
        self, documents: Sequence[Document], heads: Sequence[str], thresholds: Mapping[str, Thresholds]
    ) -> dict[str, list[Document]]:
        """Annotate a chunk of documents."""

        def score(shard: list[Row]) -> dict[str, list[Document]]:
            h, row_of_token = text_states(shard, self.tokenizer, self.encoder)
            windows = [row.window.document for row in shard]
            tokens = [row.tokens for row in shard]
            found = {}
            for head in heads:
                limits = thresholds.get(head, Thresholds())
                outputs = self._scorer.score(head, h, row_of_token, limits)
                found[head] = decode(windows, tokens, outputs, self._parts.layouts[head], limits)
            return found

        return annotate_by_window(documents, self.tokenizer, self._parts.size, heads, score, self._parts.shard_tokens)
