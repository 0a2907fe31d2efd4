"""Archives from elsewhere: what leads outside, links, bombs and damage."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medspan.corpora.getting import archives
from medspan.corpora.getting.archives import archive_members, unpack
from medspan.errors import CorpusError

OUTSIDE = [
    "../escaped.txt",
    "a/../../escaped.txt",
    "/tmp/escaped.txt",
    "..\\escaped.txt",
    "C:/escaped.txt",
    "..",
    "a/..",
]


def zipped(path: Path, contents: dict[str, bytes], **changes: object) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            for key, value in changes.items():
                setattr(member, key, value)
            archive.writestr(member, content)
    return path


def tarred(path: Path, contents: dict[str, bytes], **changes: object) -> Path:
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz", ".tar": "w"}[path.suffix]
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            for key, value in changes.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content))
    return path


WRITERS: dict[str, Callable[..., Path]] = {"a.zip": zipped, "a.tar.gz": tarred}
SUFFIXES = ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"]


@pytest.mark.parametrize("name", SUFFIXES)
def test_plain_files_are_unpacked_where_they_belong(name: str, tmp_path: Path) -> None:
    contents = {"train/1.txt": b"one", "train/ä/2.txt": b"two", "./3.txt": b"", "__MACOSX/train/._1.txt": b"junk"}
    path = (zipped if name.endswith("zip") else tarred)(tmp_path / name, contents)
    found = unpack(path, tmp_path / "out")
    assert {p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in found} == {
        "train/1.txt": b"one",
        "train/ä/2.txt": b"two",
        "3.txt": b"",
    }
    assert {p for p in (tmp_path / "out").rglob("*") if p.is_file()} == set(found)


@pytest.mark.parametrize("member", OUTSIDE)
@pytest.mark.parametrize("name", WRITERS)
def test_a_member_that_leads_outside_is_refused(name: str, member: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, {"ok.txt": b"fine", member: b"evil"})
    with pytest.raises(CorpusError, match="leads outside of the folder"):
        unpack(path, tmp_path / "out" / "deep")
    assert not [p for p in tmp_path.rglob("*escaped*") if p.is_file()]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_a_tar_archive_is_refused(kind: bytes, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a.tar.gz", {"notes": b""}, type=kind, linkname="/etc")
    with pytest.raises(CorpusError, match="link, device or sparse file"):
        unpack(path, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_a_link_in_a_zip_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"notes": b"/etc"}, external_attr=(stat.S_IFLNK | 0o777) << 16, create_system=3)
    with pytest.raises(CorpusError, match="link or device"):
        unpack(path, tmp_path / "out")
    assert list(archive_members(path, links=True)) == []


def test_links_of_a_source_tree_are_passed_over_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("latest")
        link.type, link.linkname = tarfile.SYMTYPE, "v1"
        archive.addfile(link)
        note = tarfile.TarInfo("v1/a.txt")
        note.size = 1
        archive.addfile(note, io.BytesIO(b"x"))
    assert list(archive_members(path, links=True)) == [("v1/a.txt", b"x")]


@pytest.mark.parametrize("name", WRITERS)
def test_a_member_that_unpacks_to_too_much_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = WRITERS[name](tmp_path / name, {"bomb.txt": bytes(3_000_000)})
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(archives, "MEMBER_LIMIT", 1_000_000)
    with pytest.raises(CorpusError, match="limit of 1,000,000 bytes"):
        unpack(path, tmp_path / "out")


def test_a_zip_member_that_lies_about_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {"bomb.txt": bytes(3_000_000)})
    content = path.read_bytes()
    lying = content.replace((3_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    assert lying != content
    path.write_bytes(lying)
    monkeypatch.setattr(archives, "MEMBER_LIMIT", 1_000_000)
    with pytest.raises(CorpusError, match=r"damaged|limit"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", WRITERS)
def test_many_members_that_unpack_to_too_much_together_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = WRITERS[name](tmp_path / name, {f"{n}.txt": bytes(100_000) for n in range(20)})
    monkeypatch.setattr(archives, "TOTAL_LIMIT", 1_000_000)
    with pytest.raises(CorpusError, match="unpacks to more than 1,000,000 bytes"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", WRITERS)
def test_too_many_members_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[name](tmp_path / name, {f"{n}.txt": b"" for n in range(20)})
    monkeypatch.setattr(archives, "COUNT_LIMIT", 10)
    with pytest.raises(CorpusError, match="10 files"):
        unpack(path, tmp_path / "out")


def test_a_tar_header_that_states_a_huge_size_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2_000_000
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + b"x" * 2_000_000))
    monkeypatch.setattr(archives, "MEMBER_LIMIT", 1_000_000)
    with pytest.raises(CorpusError, match="a header states"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")


@pytest.mark.parametrize("name", SUFFIXES)
@pytest.mark.parametrize("cut", [0, 1, 60])
def test_a_damaged_archive_is_told_by_name(name: str, cut: int, tmp_path: Path) -> None:
    path = (zipped if name.endswith("zip") else tarred)(tmp_path / name, {"a.txt": bytes(range(256)) * 40})
    path.write_bytes(path.read_bytes()[:cut] if cut else b"no archive at all, but some text of that name")
    with pytest.raises(CorpusError, match=rf"{name}: the archive is damaged"):
        unpack(path, tmp_path / "out")


def test_an_encrypted_zip_archive_is_to_be_unpacked_by_hand(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": b"secret"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(CorpusError, match="encrypted; unpack the archive by hand"):
        unpack(path, tmp_path / "out")


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    with pytest.raises(CorpusError, match=r"'a\.txt' twice"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_where_a_folder_should_be_is_told(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, {"a": b"x", "a/b": b"y"})
    with pytest.raises(CorpusError, match="'a/b' cannot be written"):
        unpack(path, tmp_path / "out")
