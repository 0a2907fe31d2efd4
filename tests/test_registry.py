import pytest

from medspan.errors import MedspanError, UnknownNameError
from medspan.registry import Registry

TABLE: Registry[type] = Registry("exception", {"unknown": "medspan.errors:UnknownNameError"})


def test_a_registered_name_gives_its_object() -> None:
    assert TABLE.get("unknown") is UnknownNameError
    assert list(TABLE) == ["unknown"]
    assert "unknown" in TABLE


def test_a_mistyped_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(MedspanError, match="unknown exception 'unknwon'; did you mean 'unknown'"):
        TABLE.get("unknwon")


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(UnknownNameError, match="known: unknown"):
        TABLE.get("zzz")
