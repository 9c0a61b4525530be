"""The key's alpha corrected by a network: nothing added is the key itself, and one that fails leaves it as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keying import BLUE, GREEN, SIZE, SKIN, YELLOW_GREEN, lending, mixed, ramp_alpha, texture_of, values_of
from tests.matte_files import save_matte
from tests.stage_text import green_stage
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import KeySettings
from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu

PLAIN = KeySettings(clip_black=0.0, clip_white=1.0)
SHAPE = (SIZE[1], SIZE[0])


def keyed(engine: Gpu, light: Any, settings: KeySettings, refiner: Any, **given: Any) -> dict[str, Any]:
    keyer = Keyer(engine, refiner)
    with lending(engine) as lend:
        textures = {name: texture_of(engine, array) for name, array in given.items()}
        found = keyer.draw(texture_of(engine, light), settings, lend, **textures)
        values = {name: values_of(getattr(found, name).color) for name in ("matte", "foreground")}
    keyer.release()
    return values


def noisy() -> Any:
    grain = np.random.default_rng(5).normal(0.0, 0.006, (*SHAPE, 3))
    return mixed(ramp_alpha(), SKIN, GREEN) + grain


def nothing(chroma: Any, luma: Any) -> Any:
    del luma
    return np.zeros(chroma.shape[:2], np.float32)


@pytest.mark.parametrize("feather_px", [0.0, 2.0])
def test_nothing_added_is_the_key_itself(engine: Gpu, feather_px: float) -> None:
    settings = replace(KeySettings(), feather_px=feather_px)
    for given in ({}, {"clean_plate": np.broadcast_to(np.array(GREEN), (*SHAPE, 3))}):
        with_it, without = (keyed(engine, noisy(), settings, refiner, **given) for refiner in (nothing, None))
        for name in without:
            np.testing.assert_array_equal(with_it[name], without[name])


def test_what_is_added_lies_where_it_was_said(engine: Gpu) -> None:
    added = np.zeros(SHAPE, np.float32)
    added[4:9, 10:20] = 0.25  # near the top, in the screen
    plain = keyed(engine, noisy(), PLAIN, nothing)["matte"][..., 0]
    found = keyed(engine, noisy(), PLAIN, lambda chroma, luma: added)["matte"][..., 0]
    changed = np.abs(found - plain) > 0.05
    assert changed[4:9, 10:20].all()
    assert changed.sum() == 50


def test_the_facts_are_of_the_picture_and_its_alpha(engine: Gpu) -> None:
    told: list[Any] = []

    def hear(chroma: Any, luma: Any) -> Any:
        told.append((chroma, luma))
        return nothing(chroma, luma)

    light = mixed(ramp_alpha(), SKIN, GREEN)
    found = keyed(engine, light, replace(PLAIN, refine=0.0), hear)["matte"][..., 0]
    chroma, luma = told[0]
    np.testing.assert_allclose(np.clip(chroma[..., 0], 0.0, 1.0), found, atol=2e-3)
    np.testing.assert_allclose(chroma[:, :40, 2], 1.0, atol=0.02)  # the screen, along its own hue
    np.testing.assert_allclose(luma[:, :40, 0], 1.0, atol=0.02)  # and by its light
    assert (luma[:, 60:, 3] > 0.9).all()
    assert (luma[:, :40, 3] < 0.1).all()


def test_facts_do_not_know_the_screens_colour(engine: Gpu) -> None:
    """Of black before it, whatever it is: the same numbers, so the same answer."""
    each: list[Any] = []

    def hear(chroma: Any, luma: Any) -> Any:
        each.append(np.concatenate([chroma, luma], axis=-1).astype(np.float32))
        return nothing(chroma, luma)

    for screen in (GREEN, BLUE, YELLOW_GREEN):
        keyed(engine, mixed(ramp_alpha(), (0.0, 0.0, 0.0), screen), replace(PLAIN, screen=screen), hear)
    assert np.ptp(each[0][..., 0]) > 0.8
    for other in each[1:]:
        np.testing.assert_allclose(other, each[0], atol=0.02)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda shape: np.zeros((3, 4), np.float32), "ValueError: its answer is (3, 4), the picture (64, 96)"),
        (lambda shape: np.full(shape, np.nan, np.float32), "ValueError: its answer is not finite"),
        (lambda shape: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_one_that_fails_is_told_once_and_the_key_goes_on(
    engine: Gpu, caplog: pytest.LogCaptureFixture, answer: Callable[[Any], Any], sentence: str
) -> None:
    keyer = Keyer(engine, lambda chroma, luma: answer(chroma.shape[:2]))
    light, plain = noisy(), keyed(engine, noisy(), PLAIN, None)["matte"]
    for _ in range(3):
        with lending(engine) as lend:
            found = values_of(keyer.draw(texture_of(engine, light), PLAIN, lend).matte.color)
        np.testing.assert_array_equal(found, plain)
    said = [record.message for record in caplog.records if "matte refiner" in record.message]
    assert said == [f"matte refiner: {sentence}. The key goes on without it."]


STAGE = green_stage("composite:1", "key:1") + '[neural]\nmatte = "matte.onnx"\n'


def test_a_stages_network_corrects_its_composite(run_text: Callable[..., Any], tmp_path: Path) -> None:
    save_matte(tmp_path / "matte.onnx", bias=-5.0)  # nothing is foreground
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    show.frames(2)
    assert show.pixels("composite:1").any()
    assert show.pixels("key:1")[..., :3].max() < 8  # where alpha is sure it is not asked, and dust stays


def test_a_stages_file_that_is_not_there_is_refused(run_text: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"neural\.matte: found 'matte\.onnx', no such file"):
        run_text(STAGE)


@pytest.mark.slow
def test_a_stages_file_that_is_no_network_is_told_and_the_key_goes_on(
    run_text: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "matte.onnx").write_bytes(b"nothing")
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    show.frames(2)
    assert show.pixels("key:1")[..., :3].any()
    said = [record.message for record in caplog.records if "[neural] matte" in record.message]
    assert len(said) == 1
    assert "matte.onnx: not a network that onnxruntime can load" in said[0]
    assert said[0].endswith("The key goes on without it.")
