"""The CPU runtime, imported so that it reports to nobody.

The openvino package sends a usage event over the network when it is imported, wherever its companion package
openvino_telemetry is installed, and it is installed with it. medspan opens no connection unless asked.
"""

import os
import sys
from types import ModuleType

__all__ = ["import_openvino"]

_REPORTER = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """Return the openvino package, with its reporting replaced by the stub it brings for that case."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    # oneDNN below it keeps kernels of its own for every shape, without a limit that suits notes of all lengths.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    known = sys.modules.get(_REPORTER)
    # None makes an import fail as if the package were absent; openvino then takes its own stub.
    sys.modules[_REPORTER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if known is None:
            del sys.modules[_REPORTER]
        else:
            sys.modules[_REPORTER] = known
    module: ModuleType = openvino
    return module
