"""`tagging`: mentions from the best tag sequences of each window, arguments joined to the nearest trigger."""

from collections.abc import Mapping, Sequence

from medspan.annotation import Document
from medspan.formulations import Row
from medspan.formulations.mentions import Thresholds
from medspan.formulations.tagging import Options, Units, as_documents, layers_of, units_of
from medspan.inference.annotators import Parts
from medspan.inference.annotators.by_window import annotate_by_window, text_states
from medspan.models.tagging import TaggingScorer

__all__ = ["TaggingAnnotator"]


class TaggingAnnotator:
    """Gives entities, attributes and events of any head sets."""

    needs_entities = False
    has_thresholds = False

    def __init__(self, parts: Parts) -> None:
        self.tokenizer = parts.tokenizer
        self.encoder = parts.encoder
        self._parts = parts
        self._options = Options.model_validate(parts.options)
        self._scorer = TaggingScorer(parts.weights, parts.layouts, layers_of(self._options, parts.layouts))

    def annotate(
        self, documents: Sequence[Document], heads: Sequence[str], thresholds: Mapping[str, Thresholds]
    ) -> dict[str, list[Document]]:
        """Annotate a chunk of documents; the best sequence decides, thresholds do not."""
        del thresholds

        def score(shard: list[Row]) -> dict[str, list[Document]]:
            h, row_of_token = text_states(shard, self.tokenizer, self.encoder)
            windows = [row.window.document for row in shard]
            tokens = [row.tokens for row in shard]
            units = Units.end_to_end(
                [units_of(row.window.document.text, row.tokens, self._options.pieces) for row in shard],
                [len(row.tokens) for row in shard],
            )
            found = {}
            for head in heads:
                outputs = self._scorer.score(head, h, row_of_token, units)
                found[head] = as_documents(windows, tokens, outputs, self._parts.layouts[head], self._options)
            return found

        return annotate_by_window(documents, self.tokenizer, self._parts.size, heads, score, self._parts.shard_tokens)
