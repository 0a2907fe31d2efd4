"""Tiny doubles that tests share: annotated notes, a word-piece tokenizer, an encoder, and a trained checkpoint.

Everything is invented and built on the spot. Functions that need torch import it inside, so that this module can be
imported without.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from medspan.annotation import (
    AttributeType,
    Document,
    EntityType,
    EventType,
    LabelSchema,
    RelationType,
    RoleType,
)
from medspan.corpora.invent import invent
from medspan.formulations import Tokens
from medspan.formulations.mentions import Layout

__all__ = [
    "TINY_SCHEMA",
    "export_tiny",
    "random_joint_model",
    "tiny_backbone",
    "tiny_checkpoint",
    "tiny_notes",
    "tiny_recipe",
    "tiny_tokenizer",
    "word_tokens",
]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

TINY_SCHEMA = LabelSchema(
    "tiny",
    tuple(
        EntityType(name, f"A {name.lower()}.", name.lower())
        for name in ("Problem", "Drug", "Dose", "Habit", "Status", "Amount")
    ),
    (
        AttributeType("assertion", "Whether it is there.", "assertion", ("present", "absent"), ("Problem",)),
        AttributeType("severity", "How bad it is.", "severity", ("mild", "severe"), ("Problem", "Drug"), True),
    ),
    (
        RelationType("dose-of", "How much of a drug.", "dose of", ("Dose",), ("Drug",)),
        RelationType("reason", "Why a drug is given.", "reason", ("Problem",), ("Drug",)),
        RelationType("same", "Both mean one thing.", "same", ("Problem", "Drug"), ("Problem", "Drug"), True),
    ),
    (
        EventType(
            "Smoking",
            "Tobacco use.",
            "smoking",
            "Habit",
            (
                RoleType("status", "Now or past.", "status", ("Status",)),
                RoleType("amount", "How much.", "amount", ("Amount", "Dose")),
            ),
        ),
    ),
)
"""Every kind of thing a schema may hold: nested labels are up to the notes."""


def word_tokens(text: str) -> Tokens:
    """One token for each run of characters without white space."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    bounds = np.array(words, dtype=np.int32).reshape(-1, 2)
    return Tokens(np.arange(len(words), dtype=np.int32), bounds[:, 0], bounds[:, 1])


def tiny_notes(kind: str = "medications", n: int = 5, seed: int = 7) -> list[Document]:
    """A few invented, annotated notes; schema `clin`, or `sdoh` for kind "social"."""
    return invent(kind, n, seed)


def tiny_tokenizer(texts: Iterable[str]) -> Any:
    """A `tokenizers.Tokenizer` whose word pieces are the frequent words of `texts` and all their characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    texts = [text.lower() for text in texts]
    counts: dict[str, int] = {}
    for text in texts:
        for word in re.findall(r"[^\W\d_]+|\d", text):
            counts[word] = counts.get(word, 0) + 1
    characters = sorted({c for text in texts for c in text if not c.isspace()} | set("abcdefghijklmnopqrstuvwxyz.,"))
    words = sorted((w for w in counts if len(w) > 1), key=lambda w: (-counts[w], w))[:600]
    pieces = dict.fromkeys([*SPECIAL, *characters, *(f"##{c}" for c in characters), *words])
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def tiny_backbone(folder: Path, texts: Iterable[str], *, hidden: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """Write a random BERT encoder with its tokenizer, as a pretrained backbone's folder, and return the folder."""
    import torch
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer(texts)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=128,
    )
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def random_joint_model(
    layouts: Mapping[str, Layout], *, hidden: int = 16, vocabulary: int = 30, bias: float = 0.0, seed: int = 0
) -> Any:
    """A random `JointModel` that finds plenty; the more, the higher the bias of its token scores."""
    import torch
    import transformers

    from medspan.models.encoder import Encoder
    from medspan.models.joint.network import JointModel, JointSizes

    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * hidden,
        max_position_embeddings=64,
    )
    backbone = transformers.BertModel(config, add_pooling_layer=False)
    model = JointModel(Encoder(backbone), layouts, JointSizes(span=12, state=10, link=8)).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("token.bias"):
                parameter.fill_(bias)
            elif not name.startswith("encoder."):
                parameter.normal_(std=0.1 if name.endswith("bias") else 0.5)
    return model


def tiny_recipe(backbone: Path, **changes: Any) -> dict[str, Any]:
    """A recipe as plain data: two head sets that together answer `clinical`, on invented notes."""
    recipe: dict[str, Any] = {
        "name": "tiny",
        "description": "A double for tests.",
        "backbone": str(backbone),
        "heads": {"core": {"schema": "clinical", "without_events": True}, "sdoh": {"schema": "sdoh"}},
        "compose": {"clinical": ["core", "sdoh"]},
        "sources": [
            {"corpus": "invented:medications", "count": 30, "targets": [{"head": "core", "mapping": "clin"}]},
            {"corpus": "invented:findings", "count": 30, "targets": [{"head": "core", "mapping": "clin"}]},
            {"corpus": "invented:social", "count": 20, "targets": [{"head": "sdoh"}]},
        ],
        "window": {"budget": 62},
        "optimisation": {
            "epochs": 10,
            "batch_tokens": 1024,
            "learning_rate": 4e-3,
            "head_learning_rate": 4e-3,
            "layer_decay": 1.0,
            "average": 0.9,
            "dropout": 0.0,
            "threads": 1,
        },
        "evaluation": {"every": 10},
    }
    return recipe | changes


def tiny_checkpoint(folder: Path) -> Path:
    """Train the tiny recipe for some seconds into `folder`/run, enough to find something, and return that folder."""
    from medspan.training.config import Recipe
    from medspan.training.loop import train

    texts = [note.text for kind in ("medications", "findings", "social") for note in tiny_notes(kind, 30, seed=1)]
    backbone = tiny_backbone(folder / "backbone", texts, hidden=48)
    train(Recipe.model_validate(tiny_recipe(backbone)), folder / "run", quiet=True)
    return folder / "run"


def export_tiny(run: Path, folder: Path) -> Path:
    """Export a tiny checkpoint, float32, into a folder that runs without torch, and return it."""
    from medspan.training.release import release

    return release(run, folder, int8=False).folder
