"""XML with declarations, hidden encodings or broken syntax never reaches a parser that would act on it."""

import pytest

from medspan.corpora.formats.xml_safety import parse, refuse_declarations
from medspan.errors import FormatError

BOMB = (
    '<!DOCTYPE a [<!ENTITY b "gout"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>\n<a>&d;</a>'
)


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        "\ufeff" + BOMB,
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- x --> <?y z?>\r\n' + BOMB,
        '<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
        '<!ENTITY b "x"><a/>',
        "<!-- <a> -->" + BOMB,
    ],
)
def test_declarations_are_refused_wherever_they_may_stand(content: str) -> None:
    with pytest.raises(FormatError, match=r"n.xml line \d+: a DOCTYPE or ENTITY declaration"):
        refuse_declarations(content.encode(), "n.xml")
    with pytest.raises(FormatError):
        parse(content.encode(), "n.xml")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037"])
def test_an_encoding_that_hides_the_declaration_is_refused(encoding: str) -> None:
    content = f'<?xml version="1.0"?>{BOMB}'.encode(encoding)
    with pytest.raises(FormatError, match="not in UTF-8"):
        refuse_declarations(content, "n.xml")


@pytest.mark.parametrize("encoding", ["UTF-7", "UTF-16", "EBCDIC-US", "HZ-GB-2312", "ISO-2022-JP", "utf-8 x"])
def test_a_declared_encoding_that_could_hide_the_declaration_is_refused(encoding: str) -> None:
    with pytest.raises(FormatError, match="line 1: the XML declares an encoding"):
        refuse_declarations(f"<?xml version='1.0' encoding='{encoding}'?><a/>".encode(), "n.xml")


@pytest.mark.parametrize(
    "content",
    [
        b"<a/>",
        b"",
        b"\xef\xbb\xbf<?xml version='1.0' encoding=\"utf8\" standalone='yes'?>\n<a/>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
        b"<!-- <!DOCTYPE a> --><a><![CDATA[<!DOCTYPE b [<!ENTITY c 'd'>]>]]></a>",
    ],
)
def test_what_declares_nothing_passes(content: bytes) -> None:
    refuse_declarations(content, "n.xml")


@pytest.mark.parametrize("content", [b"<!-- x", b"<?xml version='1.0'"])
def test_a_beginning_that_never_ends_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match="never ends"):
        refuse_declarations(content, "n.xml")


def test_elements_know_their_lines() -> None:
    parsed = parse(b"<a>\n<b>x</b>\n<b\nc='d'/>\n</a>", "n.xml")
    assert [parsed.lines[element] for element in parsed.root.iter()] == [1, 2, 3]
    assert parsed.root[0].text == "x"


@pytest.mark.parametrize(
    "content", ["", "gout", "<a>\n<b></a>", "<a>\n&gout;</a>", "<a/>\n<!DOCTYPE gout>", "<a>\n\0gout</a>"]
)
def test_broken_xml_is_named_by_line_without_its_words(content: str) -> None:
    with pytest.raises(FormatError, match=r"n.xml( line \d+)?: ") as caught:
        parse(content.encode(), "n.xml")
    assert "gout" not in str(caught.value)


def test_bytes_that_are_not_in_the_declared_encoding_are_an_error() -> None:
    with pytest.raises(FormatError, match=r"n\.xml"):
        parse(b"<a>\xff</a>", "n.xml")
