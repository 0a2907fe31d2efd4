"""Many devices: two processes that exchange gradients leave the weights of one that takes their batches in turn."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from medspan.training.config import Recipe  # noqa: E402
from medspan.training.devices import Devices  # noqa: E402
from medspan.training.loop import train  # noqa: E402
from runs import environment, recipe, still_backbone, write_recipe  # noqa: E402


def launch(count: int, *arguments: str) -> None:
    """Start `python ARGUMENTS` for every rank, as Accelerate's launcher does, and wait until all have ended well."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = []
    for rank in range(count):
        variables = environment(RANK=str(rank), LOCAL_RANK=str(rank), **common)
        command = [sys.executable, *arguments]
        processes.append(subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    told = [process.communicate(timeout=300)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * count, told
    assert "mean strict F1" not in "".join(told[1:])


def largest_difference(run: Path, other: Path) -> float:
    found, expected = (load_file(folder / "state" / "weights.safetensors") for folder in (run, other))
    assert found.keys() == expected.keys()
    return max(float((found[name] - value).abs().max()) for name, value in expected.items())


def test_two_processes_equal_one_with_twice_the_batches(tmp_path: Path) -> None:
    data = recipe(still_backbone(tmp_path / "bert"))
    launch(2, "-m", "medspan", "train", str(write_recipe(tmp_path / "r.yaml", data)), "-o", str(tmp_path / "two"))
    data["optimisation"]["accumulation"] = 2
    train(Recipe.model_validate(data), tmp_path / "one", quiet=True)
    assert largest_difference(tmp_path / "two", tmp_path / "one") < 1e-6
    two, one = (json.loads((tmp_path / name / "metrics.json").read_text(encoding="utf-8")) for name in ("two", "one"))
    assert (two["devices"], one["devices"]) == (2, 1)
    assert two["tune"] == one["tune"]
    assert two["steps"] == one["steps"] > 5


SHARDED = """
import sys
from dataclasses import replace
from pathlib import Path
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from medspan.training import devices, loop
from medspan.training.config import load_recipe

def connect():
    # Accelerate shards on accelerators alone; told that this is one, it does so on a CPU as well.
    found = devices.connect()
    state = found.accelerator.state
    state.fsdp_plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        transformer_cls_names_to_wrap=["BertLayer"],
        cpu_ram_efficient_loading=False,
    )
    state._shared_state["distributed_type"] = state.distributed_type = DistributedType.FSDP
    return replace(found, is_sharded=True)

loop.connect = connect
loop.train(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), quiet=True, resume=sys.argv[3] == "resume")
"""


@pytest.mark.slow
def test_sharded_weights_equal_whole_ones_and_are_resumed(tmp_path: Path) -> None:
    data = recipe(still_backbone(tmp_path / "bert"), optimisation={"accumulation": 2})
    path = write_recipe(tmp_path / "r.yaml", data)
    launch(2, "-c", SHARDED, str(path), str(tmp_path / "two"), "start")
    data["optimisation"]["accumulation"] = 4
    train(Recipe.model_validate(data), tmp_path / "one", quiet=True)
    assert largest_difference(tmp_path / "two", tmp_path / "one") < 1e-6
    launch(2, "-c", SHARDED, str(path), str(tmp_path / "two"), "resume")
    assert largest_difference(tmp_path / "two", tmp_path / "one") < 1e-6
    two, one = (load_file(tmp_path / name / "model.safetensors") for name in ("two", "one"))
    assert max(float((two[name] - value).abs().max()) for name, value in one.items()) < 1e-6


@pytest.mark.parametrize(("members", "count"), [(5, 2), (4, 2), (1, 3), (3, 1)])
def test_every_batch_counts_on_one_device_and_all_devices_run_equally_many(members: int, count: int) -> None:
    batches = [object() for _ in range(members)]
    shares = [Devices(torch.device("cpu"), rank, count).own(batches) for rank in range(count)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(place for share in shares for place, counts in share if counts) == list(range(members))
