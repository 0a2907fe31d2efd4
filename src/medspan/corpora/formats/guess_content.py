"""Which format XML or JSON holds, judged by how it begins."""

import codecs
import gzip
import re
import tarfile
from pathlib import Path

from medspan.corpora.formats.sources import is_archive
from medspan.errors import FormatError

__all__ = ["ROOTS", "beginning", "json_format", "text_format", "xml_format"]

_N_BYTES = 1 << 16
_ROOT = re.compile(r"<(?:[\w.-]+:)?(\w[\w.-]*)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ROOTS = {
    "collection": "bioc",
    "document": "ddi",
    "XMI": "e3c",
    "ClinicalNarrativeTemporalAnnotation": "i2b2-2012",
    "deIdi2b2": "i2b2-2014",
}
# SpERT's tokens are a list, RadGraph's a string.
_KEYS = (
    (re.compile(r'"tokens"\s*:\s*\['), "ade"),
    (re.compile(r'"(documents|passages)"\s*:\s*\['), "bioc-json"),
    (re.compile(r'"start_ix"\s*:|"labeler_1"\s*:'), "radgraph"),
    (re.compile(r'\A\s*\[.*?("data"\s*:\s*\{|"completed_by"\s*:|"annotation_id"\s*:)', re.DOTALL), "label-studio"),
    (re.compile(r'"%(TYPES|FEATURE_STRUCTURES)"\s*:'), "inception"),
)

_PUBTATOR_LINE = re.compile(r"\s*[^|\s]+\|[ta]\|")
# A token, its offsets once or twice, and a tag: no sentence looks so, and columns without offsets could be a note.
_CONLL_LINE = re.compile(r"\s*\S+(?:[ \t]\d+){2,4}[ \t](?:O|[BI]-\S+)[ \t\r]*(?:\n|\Z)")


def text_format(head: str) -> str:
    """Name the format of a `.txt` that begins with `head`: pubtator, conll if its columns hold offsets, or text."""
    if _PUBTATOR_LINE.match(head):
        return "pubtator"
    return "conll" if _CONLL_LINE.match(head) else "text"


def xml_format(head: str) -> str | None:
    """Name the format by the root element of a file that begins with `head`; None for an unknown one."""
    root = _ROOT.search(_COMMENT.sub("", head))
    return ROOTS.get(root[1]) if root else None


def json_format(head: str) -> str | None:
    """Name the format by a key that only one of them has among its first; None when there is none such."""
    found = [(match.start(), name) for key, name in _KEYS if (match := key.search(head))]
    return min(found)[1] if found else None


def beginning(path: Path, member: str | None = None) -> str:
    """Return the first characters of a file, of a file under a folder, or of a member of an archive."""
    try:
        if member is not None and is_archive(path):
            with tarfile.open(path) as archive:
                stream = archive.extractfile(member)
                content = stream.read(_N_BYTES) if stream else b""
        else:
            file = path / member if member is not None else path
            with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as opened:
                content = opened.read(_N_BYTES)
    except (OSError, EOFError, KeyError, tarfile.TarError) as error:
        raise FormatError(f"{member or path.name}: cannot be opened ({type(error).__name__})") from error
    # No format is read from UTF-16, but its reader says what to do about it.
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return content.decode(encoding, "replace")
