"""What importing costs, and that each package exports what it says."""

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import TypeVar

import pytest

import medspan

HEAVY = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "ray",
    "openvino",
    "nncf",
    "onnx",
    "pyarrow",
    "pandas",
    "jinja2",
    "matplotlib",
)
LIGHT_PACKAGES = (
    "medspan",
    "medspan.annotation",
    "medspan.text",
    "medspan.corpora",
    "medspan.scoring",
    "medspan.interchange",
    "medspan.formulations",
    "medspan.models",
    "medspan.inference",
    "medspan.training",
    "medspan.studies",
    "medspan.studies.report",
    "medspan.apps.cli",
)


def packages() -> list[str]:
    names = [m.name for m in pkgutil.walk_packages(medspan.__path__, "medspan.") if m.ispkg]
    return ["medspan", "medspan.errors", "medspan.registry", *names]


def run_python(code: str) -> str:
    """Run `code` in a new interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("name", LIGHT_PACKAGES)
def test_importing_loads_no_heavy_package(name: str) -> None:
    loaded = run_python(f"import sys, {name}; print(*sorted(set(sys.modules) & set({HEAVY!r})))")
    assert loaded == ""


@pytest.mark.parametrize("name", LIGHT_PACKAGES)
def test_importing_works_where_the_extras_are_not_installed(name: str) -> None:
    blocked = "torch", "transformers", "peft", "accelerate", "nncf", "onnx", "onnxscript", "ray", "pandas"
    # A None entry makes the import system raise ModuleNotFoundError, as if the package were absent.
    run_python(f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import {name}")


def test_annotation_imports_the_standard_library_alone() -> None:
    third_party = run_python(
        "import sys, medspan.annotation;"
        "top = {name.partition('.')[0] for name in sys.modules};"
        "print(*sorted(n for n in top - set(sys.stdlib_module_names) if not n.startswith(('_', 'medspan', 'site'))))"
    )
    assert set(third_party.split()) <= {"sitecustomize", "usercustomize"}


@pytest.mark.parametrize("name", packages())
def test_every_exported_name_exists_once(name: str) -> None:
    module = importlib.import_module(name)
    exported = module.__all__
    assert len(set(exported)) == len(exported)
    assert [item for item in exported if not hasattr(module, item)] == []


@pytest.mark.parametrize("name", [name for name in packages() if name.count(".") < 2])
def test_every_public_name_that_a_layer_gathers_is_exported(name: str) -> None:
    module = importlib.import_module(name)
    public = {
        item
        for item, value in vars(module).items()
        if not item.startswith("_")
        and not isinstance(value, ModuleType | TypeVar)
        and f"{getattr(value, '__module__', '')}.".startswith(f"{name}.")
    }
    assert public - set(module.__all__) == set()
