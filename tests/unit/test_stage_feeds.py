"""What the outputs of a stage file may show, and how large it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stage_text import STAGE, problems
from vpengine.files import controls_of
from vpengine.frames.feed import PREVIEW, Feed
from vpengine.stage.feeds import SIM_SIZE, feed_size, feeds_of
from vpengine.stage.stage_file import Stage, load_stage

WALLS = STAGE[STAGE.index("[[wall]]") : STAGE.index("[[tracking]]")]


def stage(folder: Path, text: str) -> Stage:
    path = folder / "stage.toml"
    path.write_text(text, encoding="utf-8")
    return load_stage(path, controls_of)


def showing(*feeds: str) -> str:
    outputs = "".join(f'[[output]]\nkind = "headless"\nfeed = "{feed}"\n\n' for feed in feeds)
    return STAGE.replace('[[output]]\nkind = "window"\nwall = "main"\nmonitor = 1\n', outputs)


def test_an_output_shows_a_feed_by_name(tmp_path: Path) -> None:
    found = stage(tmp_path, showing("wall:ceiling", "world:1", "world:1@preview", "camera:1", "stage"))
    assert [output.feed for output in found.outputs] == [
        Feed("wall", "ceiling"),
        Feed("world", "1"),
        Feed("world", "1", PREVIEW),
        Feed("camera", "1"),
        Feed("stage"),
    ]
    assert feeds_of(found) == {output.feed for output in found.outputs} | {Feed("wall", "main")}


def test_wall_is_short_for_its_feed(tmp_path: Path) -> None:
    assert stage(tmp_path, STAGE).outputs[0].feed == Feed("wall", "main")


def test_how_large_feeds_are(tmp_path: Path) -> None:
    """The world is what the lens sees of the inner picture: 1920 of it with 5 percent a side are 1745."""
    found = stage(tmp_path, STAGE)
    assert feed_size(found, Feed("wall", "ceiling")) == (192, 128)
    assert feed_size(found, Feed("world", "1")) == (1745, 982)
    assert feed_size(found, Feed("monitor", "1")) == feed_size(found, Feed("world", "1"))
    assert feed_size(found, Feed("stage")) == feed_size(found, Feed("camera", "1")) == SIM_SIZE


def test_a_stage_without_a_wall_shows_what_its_camera_must_see(tmp_path: Path) -> None:
    found = stage(tmp_path, showing("world:1").replace(WALLS, ""))
    assert found.walls == ()
    assert feeds_of(found) == {Feed("world", "1")}


def test_a_monitor_is_shown_of_every_camera_and_is_enough_without_a_wall(tmp_path: Path) -> None:
    assert feeds_of(stage(tmp_path, showing("monitor:1").replace(WALLS, ""))) == {Feed("monitor", "1")}
    assert Feed("monitor", "1") in feeds_of(stage(tmp_path, showing("wall:main", "monitor:1")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (showing("world:2"), "output[1].feed: found '2', no such camera"),
        (showing("wall:mian"), "output[1].feed: found 'mian', no such wall; did you mean 'main'?"),
        (showing("main"), "output[1].feed: found 'main', expected wall:ID, world:CAMERA, picture:CAMERA, key:CAMERA, "),
        (showing("monitor:2"), "output[1].feed: found '2', no such camera"),
        (showing("monitor:1@preview"), "output[1].feed: found 'monitor:1@preview', only world:CAMERA has a preview"),
        (showing("key:1"), "output[1].feed: found 'key:1', and no [[capture]] has that camera's picture"),
        (
            showing("composite:1") + '[[capture]]\nid = "a"\nkind = "synthetic"\ncamera = "1"\n',
            "output[1].feed: found 'composite:1' on a stage with a wall; ",
        ),
        (showing("wall:main@preview"), "output[1].feed: found 'wall:main@preview', only world:CAMERA has a preview"),
        (STAGE.replace('wall = "main"\n', ""), "output[1].feed: missing: name what it shows"),
        (STAGE.replace('wall = "main"', 'wall = "main"\nfeed = "stage"'), "name a wall or a feed, not both"),
        (STAGE.replace('wall = "main"', "feed = 7"), "output[1].feed: found 7, expected text in quotes"),
        (
            showing("stage").replace(WALLS, ""),
            "wall: missing, at least one [[wall]] section is needed, or an [[output]]",
        ),
        (showing("world:1", "camera:1").replace(WALLS, ""), "which is a picture of the stage's walls; it has none"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    found = problems(tmp_path, text)
    assert any(says in sentence for sentence in found), found


def test_nine_cameras_are_too_many(tmp_path: Path) -> None:
    camera = STAGE[STAGE.index("[[camera]]") : STAGE.index("[[wall]]")]
    many = "".join(camera.replace('id = "1"', f'id = "{number}"') for number in range(2, 10))
    (found,) = problems(tmp_path, STAGE.replace("[[wall]]", many + "[[wall]]", 1))
    assert "camera[9]: found 9 cameras, allowed 8 on one stage" in found
