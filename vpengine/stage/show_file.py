"""Show files: the scenes of a show, each a plate and the controls it sets, from TOML to a frozen ``Show``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vpengine.control.approvals import Approvals
from vpengine.control.controls import Control, Value
from vpengine.control.cues import CueList
from vpengine.control.declared import CHANCE_AMOUNT
from vpengine.control.looks import look_name
from vpengine.errors import Problem, did_you_mean
from vpengine.stage.control_names import PREFIX, by_address, control_values
from vpengine.stage.desk_files import cues_file, looks_file, read_cues, read_looks
from vpengine.stage.midi import MidiMapping, read_midi
from vpengine.stage.sections import PluginSection, Table
from vpengine.stage.settings import SLUG_PATTERN, NamedFolder, Settings, refusal, shown
from vpengine.stage.toml_file import Kinds, TomlFile
from vpengine.view.light import Light

SECTIONS = ("show", "scene", "midi", "light")
RESERVED_SLUGS = ("next", "previous", "go", "back", "safe")


def _not_reserved(slug: str) -> str:
    if slug in RESERVED_SLUGS:
        raise refusal(
            f"found {shown(slug)}, which is a command over OSC ({', '.join(RESERVED_SLUGS)}); name it otherwise"
        )
    return slug


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Without what nobody would type; as long as a text that a button takes."""
    names = tuple(value.strip() for value in values)
    if not all(names):
        raise refusal("found a name with nothing in it")
    if len({name.casefold() for name in names}) < len(names):
        raise refusal("found a name twice")
    return names


class ShowSettings(Settings):
    """The show as a whole."""

    name: str = Field(min_length=1, max_length=100, description="What the crew calls the show.")
    gate: Literal["on", "off"] = Field(
        default="on",
        description="on lets only looks on to the walls that a person approved: those in SHOW.looks.toml, beside this "
        "file. off lets everything pass.",
    )
    safe: Literal["plate", "hold", "black"] = Field(
        default="plate",
        description="The safe picture: the plate alone, what is on the walls held, or black.",
    )
    lock_takes: bool = Field(default=True, description="Looks and the world's place cannot change while a take rolls.")
    timecode: Literal["free", "mtc"] = Field(
        default="free",
        description="Where the frames' timecode comes from: free counts from the start of the run; mtc is MIDI "
        "timecode, and free while none comes in.",
    )
    timecode_device: str = Field(
        default="",
        max_length=100,
        description="With mtc: part of the name of the MIDI port that it comes in on; any port where empty.",
    )
    approvers: Annotated[
        tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=50), AfterValidator(_names)
    ] = Field(
        default=(), description="Who may approve looks, by the names that they are approved in; left out, everybody."
    )
    chance: tuple[str, ...] = Field(
        default=(), description='Controls that may drift by chance, such as "look.fog"; chance.amount says how far.'
    )


class SceneSettings(Settings):
    """One scene. Its plate is in [scene.plate], the controls it sets in [scene.controls]."""

    slug: Annotated[str, Field(pattern=SLUG_PATTERN), AfterValidator(_not_reserved)] = Field(
        description="Short name, as in the OSC address /vp/scene/<slug>."
    )
    name: str = Field(default="", max_length=100, description="What the crew calls the scene; the slug when left out.")
    dissolve_s: float = Field(default=1.0, ge=0.0, le=60.0, description="How long the change to it takes, in seconds.")
    keep: bool = Field(
        default=False,
        description="Controls that the scene does not set stay as they are, instead of going back to the base look.",
    )
    surround: NamedFolder | None = Field(
        default=None,
        description="A take, the folder that ``run --log`` wrote: the surround that it has of the scene's location is "
        "shown again whenever the scene comes on.",
    )
    baked: NamedFolder | None = Field(
        default=None,
        description="A bake, the folder that ``plate bake`` wrote: the scene shows it, and nothing is generated.",
    )

    @model_validator(mode="after")
    def _one_surround(self) -> Self:
        if self.baked is not None and self.surround is not None:
            raise refusal("a scene that is baked has its surround in the bake; leave one of the two out", "surround")
        return self


class LightSettings(Settings):
    """[light.NAME]: the light of a plate that knows its own, where the look's fader NAME is at 1.

    Sun and sky are what it leaves of them. Named in this way, a fader has this row instead of the usual one: snow, fog
    and rain leave no sun (0.0), dust some (0.4); fire's smoke leaves no sun (0.0) and less sky (0.45); night leaves no
    sky (0.0), and lights lamps (1.0) and windows (0.45).
    """

    sun: float = Field(default=1.0, ge=0.0, le=1.0, description="Of the sun; at 0 clouds cover it.")
    sky: float = Field(default=1.0, ge=0.0, le=1.0, description="Of the day; at 0 it is night.")
    lamps: float = Field(default=0.0, ge=0.0, le=1.0, description="Of the street lamps.")
    windows: float = Field(default=0.0, ge=0.0, le=1.0, description="Of the windows, how many are lit.")


class _NoCoreKeys(Settings):
    """A plate's section: kind, and keys of its own."""


@dataclass(frozen=True)
class Scene:
    """location: a name for the plate; scenes with equal plate sections share it, and differ in their controls only.

    controls: (address, value) pairs that the scene sets, in the file's order. surround: a take that has one.
    baked: a bake, that is a take of one frame with nothing but a surround.
    """

    slug: str
    name: str
    location: str
    plate: PluginSection
    dissolve_s: float
    controls: tuple[tuple[str, Value], ...]
    keep: bool = False
    surround: Path | None = None
    baked: Path | None = None


@dataclass(frozen=True)
class Show:
    """A valid show: at least one scene, the first of which is shown at the start. controls: its base look.

    settings: [show]. cues, looks: what is in the files beside it. midi: its controllers. lights: by a fader's name.
    """

    file: Path
    name: str
    scenes: tuple[Scene, ...]
    controls: tuple[tuple[str, Value], ...] = ()
    settings: ShowSettings = field(default_factory=lambda: ShowSettings(name="show"))
    cues: CueList = field(default_factory=CueList)
    looks: Approvals = field(default_factory=Approvals)
    midi: tuple[MidiMapping, ...] = ()
    lights: Mapping[str, Light] = field(default_factory=dict)

    @property
    def plates(self) -> dict[str, PluginSection]:
        """The plate section of every location, in order of first use."""
        locations: dict[str, PluginSection] = {}
        for scene in self.scenes:
            locations.setdefault(scene.location, scene.plate)
        return locations


@dataclass(frozen=True)
class ShowReading:
    """All that could be made of a show file. show: None when there are problems; sections: the plates even so."""

    show: Show | None
    problems: tuple[Problem, ...]
    sections: tuple[PluginSection, ...] = ()


def read_show(
    path: Path, declared: Iterable[Control], *, kinds: Kinds | None = None, allow_outside: bool = False
) -> ShowReading:
    """The show in ``path``, or everything that is wrong with it; plates are left to ``app``.

    declared: the controls that there are. kinds: of plug-ins, for problems.
    """
    file = TomlFile(Path(path), SECTIONS, "show", kinds=kinds, allow_outside=allow_outside)
    if not file.readable:
        return ShowReading(None, tuple(file.problems))
    controls, locations = by_address(declared), _Locations()
    head, base = _head(file, controls)
    found = [(key, *_scene(file, key, table, controls)) for key, table in file.many("scene", required=True)]
    file.unique("slug", [(key, settings.slug) for key, settings, _, _ in found if settings])
    sections = tuple(plate for _, _, plate, _ in found if plate)
    _check_chance(file, head, controls)
    slugs = [settings.slug for _, settings, _, _ in found if settings]
    midi, lights = read_midi(file, controls, slugs), _lights(file, controls)
    cues, cue_faults = read_cues(cues_file(file.path), controls.values(), slugs)
    looks, look_faults = read_looks(looks_file(file.path))
    problems = (*file.problems, *cue_faults, *look_faults)
    if problems or head is None:
        return ShowReading(None, problems, sections)
    scenes = [
        Scene(
            settings.slug,
            settings.name or settings.slug,
            locations.name(plate),
            plate,
            settings.dissolve_s,
            values,
            settings.keep,
            settings.surround,
            settings.baked,
        )
        for _, settings, plate, values in found
        if settings and plate
    ]
    show = Show(file.path, head.name, tuple(scenes), base, head, cues, looks, midi, lights)
    return ShowReading(show, (), sections)


def location_in(path: Path, plate: PluginSection) -> str | None:
    """What the location with such a plate is called in another show; None where it has no such plate.

    For a file that was good when it ran: what is wrong with it now, beside the plates, is passed over.
    """
    locations = _Locations()
    names = {_content(section): locations.name(section) for section in read_show(path, ()).sections}
    return names.get(_content(plate))


def called_as_running(show: Show, running: Show, renewed: Collection[str], taken: Collection[str]) -> Show:
    """Another version of a running show, its locations called as in that: where a plate's section is the same, the
    location is the same, and any other has a name that is not ``taken``.

    renewed: locations of the running show whose files are others now, so that they are loaded again.
    """
    names = {_content(plate): name for name, plate in running.plates.items() if name not in renewed}
    used = {*taken, *running.plates}
    for name, plate in show.plates.items():
        if _content(plate) not in names:
            numbered = (f"{name}~{number}" for number in count(2))
            free = next(each for each in chain([name], numbered) if each not in used)
            names[_content(plate)] = free
            used.add(free)
    return replace(show, scenes=tuple(replace(each, location=names[_content(each.plate)]) for each in show.scenes))


def _content(plate: PluginSection) -> tuple[str, str]:
    return plate.kind, repr(sorted(plate.table.items()))


class _Locations:
    """Names for plates: the kind, numbered where sections of one kind differ."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}

    def name(self, plate: PluginSection) -> str:
        content = _content(plate)
        if content not in self._names:
            same_kind = sum(kind == plate.kind for kind, _ in self._names)
            self._names[content] = f"{plate.kind}-{same_kind + 1}" if same_kind else plate.kind
        return self._names[content]


def _head(file: TomlFile, declared: dict[str, Control]) -> tuple[ShowSettings | None, tuple[tuple[str, Value], ...]]:
    """[show], and the base look in its [show.controls]."""
    table = file.tables.get("show")
    if not isinstance(table, dict):
        return file.one("show", ShowSettings, required=True), ()
    own = {name: value for name, value in table.items() if name != "controls"}
    settings = file.parse(own, ShowSettings, "show", ("controls",))
    return settings, control_values(file, table.get("controls", {}), "show.controls", declared)


def _check_chance(file: TomlFile, head: ShowSettings | None, declared: dict[str, Control]) -> None:
    floats = {address for address, control in declared.items() if control.kind == "float"}
    names = {address.removeprefix(PREFIX).replace("/", ".") for address in floats if address != CHANCE_AMOUNT}
    for name in head.chance if head is not None else ():
        if name not in names:
            file.refuse("show.chance", f"found {shown(name)}, no such fader{did_you_mean(name, names)}")


def _lights(file: TomlFile, declared: dict[str, Control]) -> dict[str, Light]:
    """[light.NAME] of every fader that has one."""
    table = file.tables.get("light", {})
    if not isinstance(table, dict):
        file.refuse("light", f"found {shown(table)}, expected sections such as [light.night]")
        return {}
    faders = [look_name(address) for address, control in declared.items() if control.kind == "float"]
    faders = [name for name in faders if not name.startswith("/")]
    lights = {}
    for name, row in table.items():
        if name not in faders:
            file.refuse(f"light.{name}", f"found {shown(name)}, no fader of a look{did_you_mean(name, faders)}")
            continue
        settings = file.parse(row, LightSettings, f"light.{name}")
        if settings is not None:
            lights[name] = Light(settings.sun, settings.sky, settings.lamps, settings.windows)
    return lights


def _scene(
    file: TomlFile, key: str, table: Table, declared: dict[str, Control]
) -> tuple[SceneSettings | None, PluginSection | None, tuple[tuple[str, Value], ...]]:
    own = {name: value for name, value in table.items() if name not in ("plate", "controls")}
    settings = file.parse(own, SceneSettings, key, ("plate", "controls"))
    values = control_values(file, table.get("controls", {}), f"{key}.controls", declared)
    return settings, _plate(file, f"{key}.plate", table.get("plate")), values


def _plate(file: TomlFile, key: str, table: Any) -> PluginSection | None:
    if not isinstance(table, dict):
        file.refuse(
            key, "missing, a scene needs [scene.plate]" if table is None else f"found {shown(table)}, expected a table"
        )
        return None
    _, section = file.plugin(table, "plate", key, _NoCoreKeys)
    return section
