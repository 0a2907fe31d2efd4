"""medspan: patient notes into entities, attributes, relations and events."""

__version__ = "0.1.0"
__all__ = ["__version__"]
