"""Stage files: cameras, walls, tracking and outputs of one stage, from TOML to a frozen ``Stage``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from vpengine.control.controls import Control, Value
from vpengine.errors import Problem, ProblemsError, did_you_mean
from vpengine.frames.feed import OF_A_PICTURE, Feed
from vpengine.stage.camera import CameraSettings, OuterSettings
from vpengine.stage.capture import CaptureSection, read_captures
from vpengine.stage.control_names import by_address, control_values
from vpengine.stage.control_settings import ControlSettings
from vpengine.stage.screens import HoldoutSettings, MarkSettings, ScreenSettings
from vpengine.stage.sections import PluginSection, Table, parse_settings
from vpengine.stage.settings import Settings, shown
from vpengine.stage.sim import SimSettings
from vpengine.stage.stage_settings import NeuralSettings, OutputSettings, ShowReference, StageSettings, TrackingSettings
from vpengine.stage.toml_file import Kinds, TomlFile
from vpengine.stage.walls import KINDS, WallSettings

MOST_CAMERAS = 8  # each costs a frame what a picture of the world costs
SECTIONS = (
    *("stage", "camera", "wall", "outer", "tracking", "capture", "screen", "holdout", "mark"),
    *("output", "neural", "sim", "control", "controls"),
)
Part = TypeVar("Part", bound=Settings)
Declared = Callable[[str], Iterable[Control]]  # every control that there is with a generator, by the generator's name


@dataclass(frozen=True)
class TrackingSection:
    camera: str
    source: PluginSection
    latency_s: float = 0.0


@dataclass(frozen=True)
class OutputSection:
    feed: Feed
    target: PluginSection
    latency_s: float = 0.0


@dataclass(frozen=True)
class Stage:
    """A valid stage. show: the path of its own show file. controls: (address, value) where it departs from defaults."""

    file: Path
    name: str
    rate: Fraction
    show: Path | None
    white_nits: float
    cameras: tuple[CameraSettings, ...]
    walls: tuple[WallSettings, ...]
    outer: OuterSettings
    tracking: tuple[TrackingSection, ...]
    outputs: tuple[OutputSection, ...]
    neural: NeuralSettings
    sim: SimSettings
    control: ControlSettings
    controls: tuple[tuple[str, Value], ...]
    captures: tuple[CaptureSection, ...] = ()
    screens: tuple[ScreenSettings, ...] = ()
    holdouts: tuple[HoldoutSettings, ...] = ()
    mark: MarkSettings = field(default_factory=MarkSettings)

    def camera(self, name: str) -> CameraSettings:
        """Raises KeyError."""
        return {camera.id: camera for camera in self.cameras}[name]

    def wall(self, name: str) -> WallSettings:
        """Raises KeyError."""
        return {wall.id: wall for wall in self.walls}[name]


@dataclass(frozen=True)
class StageReading:
    """All that could be made of a stage file. stage: None when there are problems.

    sections, show, controls (all that there are, with its generator): what could be read even so, so that plug-ins and
    the show add their problems to the same list.
    """

    stage: Stage | None
    problems: tuple[Problem, ...]
    sections: tuple[PluginSection, ...] = field(default=())
    show: Path | None = None
    controls: tuple[Control, ...] = ()


def load_stage(path: Path, declared: Declared) -> Stage:
    """The stage in ``path``; plug-in sections are left to ``app``. Raises ProblemsError with everything wrong."""
    reading = read_stage(path, declared)
    if reading.stage is None:
        raise ProblemsError(reading.problems)
    return reading.stage


def read_stage(
    path: Path, declared: Declared, *, kinds: Kinds | None = None, allow_outside: bool = False
) -> StageReading:
    """As ``load_stage``, but the problems are returned, with what could be read. kinds: of plug-ins, for problems."""
    file = TomlFile(Path(path), SECTIONS, "stage", kinds=kinds, allow_outside=allow_outside)
    if not file.readable:
        return StageReading(None, tuple(file.problems), controls=tuple(declared("none")))
    head = file.one("stage", StageSettings, required=True)
    cameras, walls = _cameras(file), _walls(file)
    outer = file.one("outer", OuterSettings)
    tracking, outputs = _tracking(file), _outputs(file)
    captures, sources = read_captures(file, _ids(file, "camera"))
    screens, holdouts = _several(file, "screen", ScreenSettings), _several(file, "holdout", HoldoutSettings)
    _shows_something(file, [settings for settings, _ in outputs if settings])
    (neural, own), sim, mark = _neural(file), file.one("sim", SimSettings), file.one("mark", MarkSettings)
    control = file.one("control", ControlSettings)
    known = tuple(declared(neural.generator if neural else "none"))
    controls = control_values(file, file.tables.get("controls", {}), "controls", by_address(known))
    plugins = (section for _, section in (*tracking, *outputs) if section)
    sections = (*plugins, *sources, *_networks(file, neural, own))
    show = head.show if head else _show(file)
    if file.problems or not (head and outer and neural and sim and mark and control):
        return StageReading(None, tuple(file.problems), sections, show, known)
    stage = Stage(
        file.path,
        head.name,
        head.rate,
        show,
        head.white_nits,
        cameras,
        walls,
        outer,
        tuple(
            TrackingSection(settings.camera, section, settings.latency_ms / 1e3)
            for settings, section in tracking
            if settings and section
        ),
        tuple(
            OutputSection(settings.shows, section, settings.latency_ms / 1e3)
            for settings, section in outputs
            if settings and section
        ),
        neural,
        sim,
        control,
        controls,
        captures,
        screens,
        holdouts,
        mark,
    )
    return StageReading(stage, (), sections, show, known)


def _show(file: TomlFile) -> Path | None:
    """The show that a [stage] with other mistakes names, so that the show's are reported together with them."""
    table = file.tables.get("stage")
    named = {"show": table["show"]} if isinstance(table, dict) and "show" in table else {}
    found = parse_settings(named, ShowReference, file.path, "stage", allow_outside=file.allow_outside)
    return None if isinstance(found, list) else found.show


def _cameras(file: TomlFile) -> tuple[CameraSettings, ...]:
    found = [(key, file.parse(table, CameraSettings, key)) for key, table in file.many("camera", required=True)]
    file.unique("id", [(key, camera.id) for key, camera in found if camera])
    if len(found) > MOST_CAMERAS:
        file.refuse(found[MOST_CAMERAS][0], f"found {len(found)} cameras, allowed {MOST_CAMERAS} on one stage")
    return tuple(camera for _, camera in found if camera)


def _several(file: TomlFile, key: str, model: type[Part]) -> tuple[Part, ...]:
    """Every [[key]] that is right."""
    found = [file.parse(table, model, name) for name, table in file.many(key)]
    return tuple(part for part in found if part is not None)


def _walls(file: TomlFile) -> tuple[WallSettings, ...]:
    found = [(key, _wall(file, key, table)) for key, table in file.many("wall")]
    file.unique("id", [(key, wall.id) for key, wall in found if wall])
    return tuple(wall for _, wall in found if wall)


def _wall(file: TomlFile, key: str, table: Table) -> WallSettings | None:
    kind = file.kind(table, key, KINDS)
    if kind is None:
        return None
    if kind not in KINDS:
        file.refuse(f"{key}.kind", f"found {shown(kind)}, no such kind of wall{did_you_mean(kind, KINDS)}")
        return None
    return file.parse(table, KINDS[kind], key)


def _tracking(file: TomlFile) -> list[tuple[TrackingSettings | None, PluginSection | None]]:
    found = []
    for key, table in file.many("tracking"):
        settings, section = file.plugin(table, "tracking", key, TrackingSettings)
        if settings:
            file.refers(f"{key}.camera", settings.camera, "camera", _ids(file, "camera"))
        found.append((settings, section))
    return found


def _outputs(file: TomlFile) -> list[tuple[OutputSettings | None, PluginSection | None]]:
    found = []
    for key, table in file.many("output"):
        settings, section = file.plugin(table, "output", key, OutputSettings)
        if settings:
            _refers(file, key, settings)
        found.append((settings, section))
    return found


def _shows_something(file: TomlFile, outputs: list[OutputSettings]) -> None:
    """A stage without a wall shows what its tracked cameras must see, or it is none."""
    shown = {output.shows.kind for output in outputs}
    if not file.tables.get("wall") and not shown & {"world", "monitor", *OF_A_PICTURE}:
        file.refuse(
            "wall", 'missing, at least one [[wall]] section is needed, or an [[output]] with feed = "world:CAMERA"'
        )


def _refers(file: TomlFile, key: str, output: OutputSettings) -> None:
    """What an output shows must be there."""
    feed, field = output.shows, "wall" if output.feed is None else "feed"
    if feed.kind != "stage":
        subject = "wall" if feed.kind == "wall" else "camera"
        file.refers(f"{key}.{field}", feed.of, subject, _ids(file, subject))
    if feed.kind in ("camera", "stage") and not _ids(file, "wall"):
        file.refuse(f"{key}.feed", f"found {shown(str(feed))}, which is a picture of the stage's walls; it has none")
    if feed.kind in OF_A_PICTURE and feed.of not in _ids(file, "capture", "camera"):
        file.refuse(f"{key}.feed", f"found {shown(str(feed))}, and no [[capture]] has that camera's picture")
    if feed.kind in ("key", "composite") and _ids(file, "wall"):
        cure = "a stage with walls draws the world for the moment at which they are seen, not for the picture's"
        file.refuse(f"{key}.feed", f"found {shown(str(feed))} on a stage with a wall; {cure}")


def _ids(file: TomlFile, key: str, name: str = "id") -> list[str]:
    """What sections [[key]] have as their ``name``, valid ones and others, so that one mistake is not told twice."""
    tables = file.tables.get(key, [])
    listed = tables if isinstance(tables, list) else []
    return [str(table[name]) for table in listed if isinstance(table, dict) and name in table]


def _neural(file: TomlFile) -> tuple[NeuralSettings | None, Table]:
    """[neural]: what all generators have, and the generator's own keys."""
    table = file.tables.get("neural")
    if not isinstance(table, dict):
        return file.one("neural", NeuralSettings), {}
    fields = NeuralSettings.model_fields
    shared = {name: value for name, value in table.items() if name in fields}
    own = {name: value for name, value in table.items() if name not in fields}
    return file.parse(shared, NeuralSettings, "neural"), own


def _networks(file: TomlFile, neural: NeuralSettings | None, own: Table) -> tuple[PluginSection, ...]:
    """The generator with its ``own`` keys, and the runtime, which has none; both are chosen by name."""
    if neural is None:
        return ()
    kinds = {"generator": (neural.generator, own), "runtime": (neural.runtime, {})}
    return tuple(
        PluginSection(
            slot,
            kind,
            table,
            file.path,
            "neural",
            f"neural.{slot}",
            tuple(NeuralSettings.model_fields),
            allow_outside=file.allow_outside,
        )
        for slot, (kind, table) in kinds.items()
    )
