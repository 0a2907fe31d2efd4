"""The encoder engines: packing, independence of a row from its batch, refusals, and life without torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medspan.errors import CheckpointError, ConfigError
from medspan.formulations.inputs import EncoderInput
from medspan.inference.encoder_engine import PAD_MULTIPLE, OnnxEngine, TorchEngine, pack, padded_length

lengths_strategy = st.lists(st.integers(1, 600), max_size=80)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An int8 export of a tiny random encoder; 64 positions."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("nncf")
    from medspan.models.encoder import Encoder
    from medspan.models.export import export_encoder

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model = Encoder(transformers.BertModel(config, add_pooling_layer=False))
    return export_encoder(model, tmp_path_factory.mktemp("run"), rows_of([5, 9, 17, 24, 40] * 4), int8=True)


def rows_of(lengths: list[int], seed: int = 0) -> list[EncoderInput]:
    generator = np.random.default_rng(seed)
    return [EncoderInput(generator.integers(5, 200, length).astype(np.int32)) for length in lengths]


def cut(states: np.ndarray, rows: list[EncoderInput]) -> list[np.ndarray]:
    return np.split(states, np.cumsum([len(row) for row in rows])[:-1])


@given(lengths_strategy, st.integers(1, 3000), st.integers(1, 32))
def test_a_plan_holds_every_row_once(lengths: list[int], budget: int, multiple: int) -> None:
    plan = pack(lengths, budget, multiple=multiple)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))


@given(lengths_strategy, st.integers(1, 3000), st.integers(1, 32))
def test_a_batch_has_one_padded_length_and_keeps_the_budget(lengths: list[int], budget: int, multiple: int) -> None:
    for batch in pack(lengths, budget, multiple=multiple):
        widths = {padded_length(lengths[index], multiple) for index in batch}
        assert len(widths) == 1
        assert len(batch) == 1 or len(batch) * widths.pop() <= budget


@given(st.integers(1, 2000), st.integers(1, 64), st.none() | st.integers(1, 2000))
def test_padding_stays_under_one_multiple_and_within_the_limit(length: int, multiple: int, limit: int | None) -> None:
    padded = padded_length(length, multiple, limit)
    assert length <= padded < length + multiple
    if limit is not None and length <= limit:
        assert padded <= limit


@given(st.lists(st.integers(70, 128), min_size=1, max_size=200))
def test_rows_near_the_window_size_waste_little(lengths: list[int]) -> None:
    padded = sum(padded_length(length) for length in lengths)
    assert padded - sum(lengths) <= (PAD_MULTIPLE - 1) * len(lengths)


def test_longer_rows_come_first_so_that_streams_end_together() -> None:
    assert pack([8, 100, 17, 100, 50], budget=224) == [[1, 3], [4], [2], [0]]


@pytest.mark.parametrize(("lengths", "budget"), [([3, 0], 10), ([3], 0)])
def test_plans_that_make_no_sense_are_refused(lengths: list[int], budget: int) -> None:
    with pytest.raises(ConfigError):
        pack(lengths, budget)


def test_a_row_gives_the_same_bits_alone_and_in_any_batch(exported: Path) -> None:
    rows = rows_of([1, 3, 8, 9, 16, 17, 17, 18, 23, 24, 31, 40, 57, 64] * 3)
    together = cut(OnnxEngine(exported).encode(rows), rows)
    engine = OnnxEngine(exported)
    for row, states in zip(rows, together, strict=True):
        assert np.array_equal(engine.encode([row]), states)


@pytest.mark.parametrize("budget", [1, 64, 300, 5000])
def test_the_batch_budget_changes_no_bit(budget: int, exported: Path) -> None:
    rows = rows_of([5, 5, 6, 12, 13, 30, 31, 32, 33, 60])
    assert np.array_equal(OnnxEngine(exported, budget=budget).encode(rows), OnnxEngine(exported).encode(rows))


def test_the_order_of_rows_changes_no_bit(exported: Path) -> None:
    engine = OnnxEngine(exported)
    rows = rows_of(list(range(1, 65)))
    forward = cut(engine.encode(rows), rows)
    backward = cut(engine.encode(rows[::-1]), rows[::-1])
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward[::-1], strict=True))


def test_the_number_of_threads_changes_no_bit(exported: Path) -> None:
    rows = rows_of([4, 20, 33, 33, 48, 64])
    assert np.array_equal(OnnxEngine(exported, threads=1).encode(rows), OnnxEngine(exported, threads=3).encode(rows))


def test_no_rows_give_no_states(exported: Path) -> None:
    assert OnnxEngine(exported).encode([]).shape == (0, 32)


def test_small_integer_ids_are_taken(exported: Path) -> None:
    row = rows_of([12])[0]
    engine = OnnxEngine(exported)
    wide = EncoderInput(row.ids.astype(np.int64))
    assert np.array_equal(engine.encode([wide]), engine.encode([row]))


def test_an_engine_counts_tokens_padding_and_time(exported: Path) -> None:
    engine = OnnxEngine(exported)
    engine.encode(rows_of([8, 8, 4]))
    engine.encode(rows_of([12]))
    stats = engine.stats
    assert (stats.rows, stats.tokens, stats.padded_tokens) == (4, 32, 64)
    assert stats.padding_share == pytest.approx(0.5)
    assert stats.seconds > 0
    assert stats.startup_seconds > 0


def test_a_row_longer_than_the_encoder_takes_is_refused(exported: Path) -> None:
    with pytest.raises(ConfigError, match="row 1 has 65 tokens, the encoder takes 64"):
        OnnxEngine(exported).encode(rows_of([3, 65]))


def test_an_engine_works_on_after_a_refused_row(exported: Path) -> None:
    engine = OnnxEngine(exported)
    with pytest.raises(ConfigError):
        engine.encode(rows_of([3, 65]))
    assert engine.encode(rows_of([3])).shape == (3, 32)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    pickled = tmp_path / "model.pkl"
    pickled.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"model\.pkl: an exported encoder is an \.onnx file"):
        OnnxEngine(pickled)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="medspan export"):
        OnnxEngine(tmp_path / "model.onnx")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "model.onnx"
    damaged.write_bytes(b"this is not a graph")
    with pytest.raises(CheckpointError, match=r"model\.onnx"):
        OnnxEngine(damaged)


def test_a_torch_row_is_the_same_alone_and_in_a_batch() -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    from medspan.models.encoder import Encoder

    model = Encoder(transformers.BertModel(config)).train()
    rows = rows_of([3, 9, 9, 30, 70])
    engine = TorchEngine(model)
    for row, states in zip(rows, cut(engine.encode(rows), rows), strict=True):
        np.testing.assert_allclose(engine.encode([row]), states, atol=1e-5)
    assert model.training


def test_an_exported_encoder_runs_without_torch_onnx_and_transformers(exported: Path) -> None:
    code = f"""
import sys
import numpy as np
from medspan.formulations.inputs import EncoderInput
from medspan.inference.encoder_engine import OnnxEngine
assert OnnxEngine({str(exported)!r}).encode([EncoderInput(np.arange(5, 20))]).shape == (15, 32)
print(sorted({{"torch", "transformers", "onnx", "nncf", "onnxruntime"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_engine_loads_no_runtime() -> None:
    code = "import sys, medspan.inference.encoder_engine; print({'openvino', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
