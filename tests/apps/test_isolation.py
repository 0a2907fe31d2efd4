"""Whole processes: no torch needed, no connection opened, nothing heavy for --help."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GUARD = '''
import sys

class Refuse:
    """Stands in for an environment without these packages."""
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(name + " is blocked by the test", name=name)

BLOCKED = {blocked!r}
sys.meta_path.insert(0, Refuse())

import socket

def refuse(self, *where):
    with open({log!r}, "a") as file:
        file.write(repr(self.family) + "\\n")
    raise OSError("the test allows no connection")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.create_connection = refuse
'''

BLOCKED = (
    "torch",
    "transformers",
    "accelerate",
    "peft",
    "nncf",
    "onnx",
    "onnxscript",
    "pandas",
    "sentence_transformers",
)


def run_guarded(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run medspan in a process that has no deep learning package and that records every attempt to connect."""
    site = tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(GUARD.format(blocked=set(BLOCKED), log=str(tmp_path / "connections")))
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-m", "medspan.apps.cli", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)


def test_the_guard_itself_works(tmp_path: Path) -> None:
    run_guarded(tmp_path, "--version")
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    code = "import socket; socket.socket().connect(('127.0.0.1', 9))"
    tried = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert "the test allows no connection" in tried.stderr
    assert (tmp_path / "connections").exists()
    missing = subprocess.run(
        [sys.executable, "-c", "import torch"], env=env, capture_output=True, text=True, timeout=60
    )
    assert "blocked by the test" in missing.stderr


def test_extract_and_evaluate_run_without_torch_and_open_no_connection(
    model: Path, notes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run_guarded(
        tmp_path, "extract", notes, "-o", out, "--model", model,
        "--to", "jsonl", "--to", "parquet", "--to", "brat", "--to", "html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "manifest.json").read_text("utf-8"))["notes"]["done"] == 4
    scored = run_guarded(tmp_path, "evaluate", "--gold", out, "--predicted", out, "--json")
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["entities"]["strict"]["micro"]["f1"] == 1.0
    assert not (tmp_path / "connections").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["extract", "--help"], ["train", "--help"], ["corpora", "list"]])
def test_commands_that_need_no_model_run_without_torch(tmp_path: Path, arguments: list[str]) -> None:
    done = run_guarded(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr


def test_training_without_torch_names_the_extra(tmp_path: Path) -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "default.yaml"
    done = run_guarded(tmp_path, "train", recipe, "-o", tmp_path / "run")
    assert done.returncode == 1
    assert "pip install 'medspan[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom medspan.apps.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted(set(sys.modules) & {'numpy', 'torch', 'openvino', 'pyarrow', 'pydantic', 'jinja2', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_notes_can_be_piped_in(model: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "medspan.apps.cli",
        "extract",
        "-",
        "-o",
        str(tmp_path / "out"),
        "--model",
        str(model),
    ]
    done = subprocess.run(command, input=b"Denies fever.", capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert '"text": "Denies fever."' in (tmp_path / "out" / "documents.jsonl").read_text("utf-8")


def test_a_reader_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    command = f"{sys.executable} -m medspan.apps.cli corpora show phee | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
