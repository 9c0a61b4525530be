"""The cache of engines: whatever changes what an engine is, or its file, is seen before the engine is handed out."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from vpengine.errors import UserError
from vpengine.neural import engine_cache
from vpengine.neural.engine_cache import EngineCache, EngineSpec

SPEC = EngineSpec(
    flavour="rtx",
    library="1.7.1.116",
    system="Linux x86_64",
    targets=("SM86", "SM89"),
    device="",
    onnx_sha256="a" * 64,
    precision="float16 by onnxruntime 1.31.1",
    shapes=(("color", (1, 3, 96, 160)), ("look", (1, 6))),
    flags=("TF32",),
    limits=(("WORKSPACE", 2**30),),
)
DATA = bytes(range(256)) * 64

CHANGES: dict[str, dict[str, object]] = {
    "weights": {"onnx_sha256": "b" * 64},
    "LoRA": {"onnx_sha256": "c" * 64},
    "shape": {"shapes": (("color", (1, 3, 96, 168)), ("look", (1, 6)))},
    "an input": {"shapes": (("color", (1, 3, 96, 160)),)},
    "version": {"library": "1.7.1.117"},
    "flavour": {"flavour": "enterprise"},
    "system": {"system": "Windows AMD64"},
    "target": {"targets": ("SM89",)},
    "card": {"device": "8.9 NVIDIA L4"},
    "precision": {"precision": ""},
    "flags": {"flags": ()},
    "limits": {"limits": (("WORKSPACE", 2**29),)},
}


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    made = EngineCache(tmp_path / "engines")
    made.put(SPEC, DATA, {"probe": {"seed": 7}})
    return made


def test_an_engine_is_found_as_it_was_put(cache: EngineCache) -> None:
    found = cache.find(replace(SPEC))
    assert found is not None
    assert (found.key, found.data, found.manifest["probe"]) == (SPEC.key, DATA, {"seed": 7})
    assert found.manifest["spec"] == json.loads(json.dumps(asdict(SPEC)))
    assert cache.verify() == {}


@pytest.mark.parametrize("change", CHANGES)
def test_another_engine_has_another_key(cache: EngineCache, change: str) -> None:
    assert cache.find(replace(SPEC, **CHANGES[change])) is None  # type: ignore[arg-type]
    assert cache.find(SPEC) is not None


def test_every_field_of_a_spec_is_in_the_matrix() -> None:
    assert {name for change in CHANGES.values() for name in change} == set(asdict(SPEC))


def test_a_new_schema_is_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = SPEC.key
    monkeypatch.setattr(engine_cache, "SCHEMA", engine_cache.SCHEMA + 1)
    assert before != SPEC.key


def engine(folder: Path) -> Path:
    return folder / f"{SPEC.key}.engine"


def manifest(folder: Path) -> Path:
    return folder / f"{SPEC.key}.json"


def truncate(folder: Path) -> None:
    os.truncate(engine(folder), len(DATA) - 1)


def flip_a_bit(folder: Path) -> None:
    data = bytearray(engine(folder).read_bytes())
    data[5000] ^= 1
    engine(folder).write_bytes(data)


def another_s_file(folder: Path) -> None:
    """An engine of another card, whole and with its manifest, under this one's name."""
    other = replace(SPEC, device="9.0 NVIDIA H100")
    EngineCache(folder).put(other, DATA[::-1], {})
    os.replace(folder / f"{other.key}.engine", engine(folder))
    os.replace(folder / f"{other.key}.json", manifest(folder))


def another_s_engine(folder: Path) -> None:
    other = replace(SPEC, device="9.0 NVIDIA H100")
    EngineCache(folder).put(other, DATA[::-1], {})
    os.replace(folder / f"{other.key}.engine", engine(folder))
    (folder / f"{other.key}.json").unlink()


def edit(folder: Path) -> None:
    noted = json.loads(manifest(folder).read_text())
    noted["probe"]["seed"] = 8
    manifest(folder).write_text(json.dumps(noted))


def empty_manifest(folder: Path) -> None:
    manifest(folder).write_text("{}")


def broken_manifest(folder: Path) -> None:
    manifest(folder).write_bytes(b"\xff\xfe{")


def no_engine(folder: Path) -> None:
    engine(folder).unlink()


DAMAGES = [
    truncate,
    flip_a_bit,
    another_s_file,
    another_s_engine,
    edit,
    empty_manifest,
    broken_manifest,
    no_engine,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_broken_is_set_aside_and_never_handed_out(cache: EngineCache, damage: Callable[[Path], None]) -> None:
    damage(cache.folder)
    assert cache.find(SPEC) is None
    assert not engine(cache.folder).exists()
    assert not manifest(cache.folder).exists()
    reason = (cache.folder / "set-aside" / f"{SPEC.key}.reason").read_text()
    assert reason.startswith(("its ", "it was built for something else"))
    cache.put(SPEC, DATA, {})
    found = cache.find(SPEC)
    assert found is not None
    assert found.data == DATA


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_finds_it_too(cache: EngineCache, damage: Callable[[Path], None]) -> None:
    damage(cache.folder)
    assert list(cache.verify()) == [SPEC.key]
    assert cache.verify() == {}
    assert cache.entries() == []


def test_an_engine_without_a_manifest_does_not_count(cache: EngineCache) -> None:
    """What is left where a put was killed between its two files."""
    manifest(cache.folder).unlink()
    assert cache.find(SPEC) is None
    assert cache.prune() == []  # it may be at work still
    os.utime(engine(cache.folder), (0.0, 0.0))
    assert cache.prune() == [engine(cache.folder).name]


def test_the_least_recently_used_go(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, size_cap_bytes=2 * len(DATA))
    first, second, third = (replace(SPEC, library=str(number)) for number in range(3))
    for number, spec in enumerate((first, second)):
        cache.put(spec, DATA, {})
        os.utime(tmp_path / f"{spec.key}.engine", (1000.0 + number, 1000.0 + number))
    assert cache.find(first) is not None  # so the second is the older one now
    cache.put(third, DATA, {})
    assert {entry.key for entry in cache.entries()} == {first.key, third.key}
    assert cache.find(second) is None
    assert set(cache.prune(everything=True)) == {first.key, third.key}
    assert cache.entries() == []


def test_one_that_is_larger_than_the_cap_is_kept_while_it_is_the_newest(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, size_cap_bytes=1)
    cache.put(SPEC, DATA, {})
    assert cache.find(SPEC) is not None
    assert cache.prune() == [SPEC.key]


def test_prune_takes_what_was_set_aside(cache: EngineCache) -> None:
    cache.set_aside(SPEC.key, "its answer drifts")
    assert cache.find(SPEC) is None
    assert set(cache.prune()) == {f"{SPEC.key}{end}" for end in (".engine", ".json", ".reason")}


def test_a_put_that_fails_leaves_what_there_was(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    other = replace(SPEC, library="2")
    monkeypatch.setattr(engine_cache.os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        cache.put(other, DATA, {})
    monkeypatch.undo()
    assert cache.find(other) is None
    assert cache.find(SPEC) is not None
    assert list(cache.folder.glob("*.part")) == []


def put_often(folder: Path, fill: int) -> None:
    for _ in range(20):
        EngineCache(folder).put(SPEC, bytes([fill]) * 100_000, {"fill": fill})


def test_processes_that_put_at_once_leave_a_whole_engine(tmp_path: Path) -> None:
    """And whoever looks meanwhile finds a whole one or none."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=put_often, args=(tmp_path, fill)) for fill in (1, 2)]
    for writer in writers:
        writer.start()
    cache = EngineCache(tmp_path)
    while any(writer.is_alive() for writer in writers):
        found = cache.find(SPEC)
        assert found is None or found.data == bytes([found.manifest["fill"]]) * 100_000
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert not (tmp_path / "set-aside").exists()
    assert cache.find(SPEC) is not None


@pytest.mark.parametrize(
    "spec", [[1], "SM89", 7, None, {"targets": 7}, {"targets": "SM89"}, {"targets": [[1], "SM89"]}]
)
def test_a_manifest_whose_spec_is_none_was_built_for_nothing(tmp_path: Path, spec: object) -> None:
    """Who looks for other engines' targets passes it over; who looks for this one finds none, and builds it anew."""
    cache = EngineCache(tmp_path)
    cache.put(SPEC, DATA, {})
    assert [entry.targets for entry in cache.entries()] == [SPEC.targets]
    path = tmp_path / f"{SPEC.key}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "spec": spec}), encoding="utf-8")
    assert [entry.targets for entry in cache.entries()] == [()]
    assert cache.find(SPEC) is None
    cache.put(SPEC, DATA, {})
    assert cache.find(SPEC) is not None
