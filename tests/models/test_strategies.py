"""Every strategy on every architecture: what learns, what does not, and that it helps."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from pydantic import ValidationError  # noqa: E402

from medspan.errors import ConfigError, UnknownNameError  # noqa: E402
from medspan.models.encoder import Encoder  # noqa: E402
from medspan.models.strategies import STRATEGIES, AdapterOptions, apply, count_parameters, learning  # noqa: E402
from tiny_encoders import MODEL_TYPES, tiny_model, tiny_rows  # noqa: E402

WITHOUT_PREFIX = ("deberta-v2", "longformer", "modernbert")
PAIRS = [
    (strategy, model_type)
    for strategy in STRATEGIES
    for model_type in MODEL_TYPES
    if strategy != "prefix" or model_type not in WITHOUT_PREFIX
]
ADDED = {
    "prompt": "prompt_encoder.",
    "p-tuning": "prompt_encoder.",
    "prefix": "prompt_encoder.",
    "lora": ".lora_",
    "ia3": ".ia3_",
}
RATES = {"full": 1e-3, "prompt": 0.05, "p-tuning": 5e-3, "prefix": 0.1, "lora": 0.02, "ia3": 0.05}


def weights(module: Any) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def changed(before: dict[str, Any], module: Any) -> set[str]:
    return {name for name, value in module.named_parameters() if not torch.equal(before[name], value)}


def train(encoder: Encoder, head: Any, steps: int, rate: float) -> list[float]:
    """Fit random classes of tokens and return the losses, the last one after all steps."""
    ids, mask = tiny_rows()
    classes = torch.randint(0, 3, ids.shape, generator=torch.Generator().manual_seed(1))
    learnt = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=rate, weight_decay=0.0)
    losses = []
    for step in range(steps + 1):
        scores = head(encoder(ids, mask))[mask > 0]
        loss = torch.nn.functional.cross_entropy(scores, classes[mask > 0])
        losses.append(loss.item())
        if step < steps:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return losses


@pytest.mark.parametrize(("strategy", "model_type"), PAIRS)
def test_training_changes_the_claimed_weights_alone_and_lowers_the_loss(strategy: str, model_type: str) -> None:
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=4))
    head = torch.nn.Linear(encoder.hidden_size, 3)
    head.requires_grad_(strategy == "head")  # what falls below is due to the strategy alone
    before, claimed = weights(encoder), set(learning(encoder))
    losses = train(encoder, head, 20, RATES.get(strategy, 0.02))
    assert changed(before, encoder) == claimed
    assert losses[-1] < 0.95 * losses[0]
    if strategy == "full":
        assert {name for name in before if "_global." not in name} == claimed
    else:
        assert claimed == {name for name in before if ADDED.get(strategy, "nothing") in name}
        assert bool(claimed) == (strategy != "head")


@pytest.mark.parametrize("strategy", ["prompt", "p-tuning", "prefix"])
@pytest.mark.parametrize("model_type", ["bert", "longformer"])
def test_an_unfrozen_backbone_learns_together_with_its_prompt(strategy: str, model_type: str) -> None:
    if strategy == "prefix" and model_type in WITHOUT_PREFIX:
        model_type = "electra"
    encoder = apply(tiny_model(model_type), strategy, AdapterOptions(tokens=3, freeze_backbone=False))
    head = torch.nn.Linear(encoder.hidden_size, 3).requires_grad_(False)
    before = weights(encoder)
    losses = train(encoder, head, 5, 1e-3)
    assert losses[-1] < losses[0]
    assert changed(before, encoder) == {name for name in before if "_global." not in name} == set(learning(encoder))
    assert encoder.changes_backbone


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_backbone_names_start_alike_and_keep_their_layer_numbers(strategy: str) -> None:
    for model_type in ("bert", "modernbert") if strategy != "prefix" else ("bert",):
        encoder = apply(tiny_model(model_type), strategy)
        names = [name for name, _ in encoder.named_parameters()]
        assert all(name.startswith("backbone.") for name in names)
        assert any(".layer.1." in name or ".layers.1." in name for name in names)
        assert set(encoder.state_dict()) == set(names)  # nothing is held twice


@pytest.mark.parametrize(("strategy", "model_type"), PAIRS)
def test_parameters_are_counted_without_memory(strategy: str, model_type: str) -> None:
    options = AdapterOptions(tokens=4, hidden=8, init_std=0.02)
    there = apply(tiny_model(model_type), strategy, options)
    nowhere = apply(tiny_model(model_type, device="meta"), strategy, options)
    assert all(parameter.is_meta for parameter in nowhere.parameters())
    assert count_parameters(nowhere) == count_parameters(there)
    assert learning(nowhere) == learning(there)


def test_counts_of_each_strategy_are_what_arithmetic_says() -> None:
    def trainable(strategy: str, model_type: str = "bert", **options: Any) -> int:
        return count_parameters(
            apply(tiny_model(model_type, device="meta"), strategy, AdapterOptions(**options))
        ).trainable

    layers, hidden, inner = 2, 32, 64
    assert trainable("head") == 0
    assert trainable("prompt", tokens=5) == 5 * hidden
    assert trainable("prompt", "electra", tokens=5) == 5 * 16  # ELECTRA's embeddings are narrower than its layers
    assert trainable("prefix", tokens=5) == 5 * 2 * layers * hidden
    assert trainable("prefix", tokens=5, hidden=7) == 5 * hidden + 7 * (hidden + 1) + 8 * 2 * layers * hidden
    assert trainable("p-tuning", tokens=5) == 5 * hidden + 3 * hidden * (hidden + 1)
    assert trainable("lora", rank=4) == layers * 3 * 4 * 2 * hidden
    assert trainable("lora", rank=4, targets=("query", "value")) == layers * 2 * 4 * 2 * hidden
    everything = layers * 4 * (4 * 2 * hidden + 2 * (hidden + inner))
    assert trainable("lora", rank=4, targets=("all",)) == everything
    assert trainable("lora", "deberta-v2", rank=4, targets=("all",)) == everything
    assert trainable("lora", "modernbert", rank=4) == layers * 4 * 4 * hidden  # one matrix for all three
    assert trainable("lora", rank=4, targets=("intermediate.dense",)) == layers * 4 * (hidden + inner)
    assert trainable("ia3") == layers * (2 * hidden + inner)
    assert trainable("ia3", "modernbert") == layers * (3 * hidden + inner)


def test_a_large_adapter_is_counted_on_an_encoder_of_billions() -> None:
    from medspan.models.architectures import build_backbone

    backbone = build_backbone(
        {
            "model_type": "megatron-bert",
            "vocab_size": 50176,
            "hidden_size": 3584,
            "num_hidden_layers": 56,
            "num_attention_heads": 56,
            "intermediate_size": 14336,
            "max_position_embeddings": 512,
        },
        "meta",
    )
    count = count_parameters(apply(backbone, "lora", AdapterOptions(rank=256)))
    assert count.trainable == 56 * 3 * 2 * 256 * 3584
    assert 8.8e9 < count.total - count.trainable < 9.0e9
    assert count.share == count.trainable / count.total


@pytest.mark.parametrize("model_type", WITHOUT_PREFIX)
def test_prefix_names_what_works_where_it_does_not(model_type: str) -> None:
    with pytest.raises(ConfigError, match=f"{model_type}.*use prompt, p-tuning, lora or ia3"):
        apply(tiny_model(model_type), "prefix")


@pytest.mark.parametrize("strategy", ["head", "lora", "ia3"])
def test_only_soft_prompts_go_with_a_learning_backbone(strategy: str) -> None:
    with pytest.raises(ConfigError, match="freeze_backbone"):
        apply(tiny_model(), strategy, AdapterOptions(freeze_backbone=False))


def test_a_mistyped_strategy_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'p-tuning'"):
        apply(tiny_model(), "ptuning")


def test_an_unknown_or_useless_option_is_refused() -> None:
    for wrong in ({"ranks": 4}, {"rank": 0}, {"tokens": 0}, {"dropout": 1.0}):
        with pytest.raises(ValidationError):
            AdapterOptions.model_validate(wrong)


def test_every_option_says_what_it_is() -> None:
    assert all(field.description for field in AdapterOptions.model_fields.values())


def test_a_target_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"'q_proj'.*attention\.self\.query"):
        apply(tiny_model(), "lora", AdapterOptions(targets=("query", "q_proj")))


def test_more_virtual_tokens_than_positions_are_refused() -> None:
    for strategy in ("prompt", "p-tuning", "prefix"):
        with pytest.raises(ConfigError, match=r"adapter\.tokens"):
            apply(tiny_model(), strategy, AdapterOptions(tokens=64))


def test_a_prompt_starts_as_words_or_as_wide_as_asked() -> None:
    backbone = tiny_model()
    words = backbone.get_input_embeddings().weight.detach()
    prompt = apply(backbone, "prompt", AdapterOptions(tokens=6)).virtual_tokens()
    assert prompt is not None
    assert all((words == row).all(1).any() for row in prompt)
    for strategy in ("prompt", "prefix"):
        narrow = apply(tiny_model(), strategy, AdapterOptions(tokens=20, init_std=0.01)).virtual_tokens()
        assert narrow is not None
        assert 0.008 < narrow.std().item() < 0.012


def test_another_model_type_takes_prompts_and_adapters_on_named_matrices() -> None:
    from transformers import DistilBertConfig, DistilBertModel

    sizes = {"vocab_size": 60, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 64}
    for strategy in ("full", "head", "prompt", "p-tuning", "lora", "ia3"):
        torch.manual_seed(0)
        backbone = DistilBertModel(DistilBertConfig(**sizes))
        encoder = apply(backbone, strategy, AdapterOptions(tokens=4, targets=("attention.k_lin", "attention.v_lin")))
        assert encoder(*tiny_rows()).shape == (2, 11, 32)
        assert encoder.max_tokens == 64 - encoder.n_virtual
    with pytest.raises(ConfigError, match=r"distilbert are not known.*ends of module names"):
        apply(DistilBertModel(DistilBertConfig(**sizes)), "lora")
    with pytest.raises(ConfigError, match="distilbert"):
        apply(DistilBertModel(DistilBertConfig(**sizes)), "prefix")


PAGE = (Path(__file__).parents[2] / "docs" / "strategies.md").read_text("utf-8")


def rows_of(section: str) -> list[list[str]]:
    text = PAGE.partition(section)[2].partition("\n\n| ")[2].partition("\n\n")[0]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]]


def test_the_counts_on_the_page_are_right() -> None:
    from medspan.models.architectures import build_backbone

    shapes = [("bert", 30522, 384, 6, 12), ("bert", 28996, 768, 12, 12)]
    shapes += [("megatron-bert", 50176, 1024, 24, 16), ("megatron-bert", 50176, 3584, 56, 56)]
    rows = rows_of("Trainable weights in the encoder")
    assert {name for name, *_ in rows} == set(STRATEGIES) - {"head"}
    for name, *written in rows:
        for (model_type, vocabulary, hidden, layers, heads), number in zip(shapes, written, strict=True):
            if hidden > 2000 and name != "lora":
                continue  # billions take a second each
            sizes = {
                "model_type": model_type,
                "vocab_size": vocabulary,
                "hidden_size": hidden,
                "num_hidden_layers": layers,
                "num_attention_heads": heads,
                "intermediate_size": 4 * hidden,
            }
            assert count_parameters(apply(build_backbone(sizes, "meta"), name)).trainable == int(
                number.replace(",", "")
            )


def test_the_page_lists_every_strategy_and_option() -> None:
    assert {name for name, *_ in rows_of("# Fine-tuning strategies")} >= set(STRATEGIES)
    written = {key for row in rows_of("## Settings") for key in re.findall(r"\w+", row[0])}
    assert written == set(AdapterOptions.model_fields)


def test_strategies_and_options_are_listed_without_torch() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'peft', 'transformers']))\n"
        "from medspan.models.strategies import STRATEGIES, AdapterOptions\n"
        "print(len(list(STRATEGIES)), AdapterOptions().rank)\n"
        "from medspan.errors import MissingExtraError\n"
        "from medspan.models.strategies import apply\n"
        "try:\n    apply(None, 'lora')\nexcept MissingExtraError as error:\n    print('medspan[train]' in str(error))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["7", "8", "True"]
