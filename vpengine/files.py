"""A stage and its show with all their plug-ins' sections: read, resolved, and checked against each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpengine import capture, neural, output, plates, tracking
from vpengine.control.controls import Control, Controls, Value
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.looks import PREFIX as LOOK
from vpengine.errors import Problem, ProblemsError, UserError
from vpengine.gpu.input_space import space_of
from vpengine.neural.declared import generator_class
from vpengine.plugins import load_plugin
from vpengine.stage.capture import CaptureSection
from vpengine.stage.conflicts import PortUse, claim_conflicts, port_conflicts
from vpengine.stage.feeds import feed_size
from vpengine.stage.sections import PluginSection, resolve_kind, resolve_settings
from vpengine.stage.settings import Settings
from vpengine.stage.show_file import Show, read_show
from vpengine.stage.stage_file import Stage, read_stage
from vpengine.takes.surround import stored_for
from vpengine.view.distortion import overscan_needed

ENOUGH_PERCENT = 0.05  # of overscan that is missing: less than a pixel of any picture


class NoSettings(Settings):
    """Of a generator that has no keys of its own in [neural]."""


TABLES: dict[str, Mapping[str, str]] = {
    "tracking": tracking.KINDS,
    "capture": capture.KINDS,
    "plate": plates.KINDS,
    "output": output.KINDS,
    "generator": neural.GENERATORS,
    "runtime": neural.RUNTIMES,
}


UNNAMED = ("capture", "output")  # slots


@dataclass(frozen=True)
class Files:
    """A stage and the show that runs on it, both valid, and their plug-ins' settings by (slot, key)."""

    stage: Stage
    show: Show
    settings: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def controls(self) -> tuple[Control, ...]:
        """Every control that this stage has: the engine's own, then its generator's."""
        return controls_of(self.stage.neural.generator)

    def of(self, section: PluginSection) -> Any:
        """A plug-in's validated settings."""
        return self.settings[_place(section)]

    @property
    def generator_settings(self) -> Any:
        """What the stage says for its generator; None for one that has no keys of its own."""
        return self.settings.get(("generator", f"{self.stage.file}:neural"))

    @property
    def captures(self) -> list[CaptureSection]:
        """The stage's, but for those whose files a film does without (``read_files``)."""
        return [one for one in self.stage.captures if _place(one.source) in self.settings]

    def named(self) -> list[Path]:
        """The files that stage and show name: pictures of plates, lenses, and the stage's own show where another runs.

        Not what stands in for a camera's picture (``captured``): a take is drawn without it, and films are large. Nor
        where outputs record to.
        """
        shown = [own for (slot, _), own in self.settings.items() if slot not in UNNAMED and own is not None]
        values = [value for settings in shown for _, value in settings]
        lenses = [path for camera in self.stage.cameras for path in camera.files]
        return [path for path in (self.stage.show, *values, *lenses) if isinstance(path, Path)]

    def captured(self) -> dict[Path, list[Path]]:
        """The files that stand in for cameras' pictures: by the one that the stage names, all that are played."""
        found = {}
        for one in self.captures:
            played = getattr(load_plugin(capture.KINDS[one.source.kind]), "files", None)
            if played and (files := played(self.of(one.source))):
                found[files[0]] = files
        return found


def _place(section: PluginSection) -> tuple[str, str]:
    """Its key in Files.settings."""
    return section.slot, f"{section.file}:{section.key}"


def controls_of(generator: str) -> tuple[Control, ...]:
    """Every control that a stage with this generator has: the engine's own, then the generator's.

    With ``none``, or a name that is no generator, the controls of them all: a show may run without the generator that
    it was made for, and a name that is wrong is the one mistake that is told of.
    """
    chosen = [generator] if generator in neural.GENERATORS and generator != "none" else list(neural.GENERATORS)
    own: dict[str, Control] = {}
    for name in chosen:
        stands_in = generator_class(name).stands_in
        for each in (name, stands_in) if stands_in else (name,):
            for control in generator_class(each).controls:
                own.setdefault(control.address, control)
    return (*ENGINE_CONTROLS, *own.values())


def settings_of(sections: Iterable[PluginSection]) -> tuple[dict[tuple[str, str], Any], list[Problem]]:
    """Every plug-in's validated settings as in Files, and all that is wrong."""
    settings, problems = {}, list[Problem]()
    for section in sections:
        found = _settings(section)
        if isinstance(found, list):
            problems += found
        else:
            settings[_place(section)] = found
    return settings, problems


def _settings(section: PluginSection) -> Any:
    """The plug-in's validated settings, None for one that has none, or a list of problems."""
    problems = resolve_kind(section, TABLES[section.slot])
    if problems:
        return problems
    if section.slot == "runtime":  # no settings, and its module is its host's to import
        return None
    model = getattr(load_plugin(TABLES[section.slot][section.kind]), "Settings", None)
    if model is None and section.slot == "generator":
        found = resolve_settings(section, NoSettings)
        return found if isinstance(found, list) else None
    return resolve_settings(section, model) if model is not None else None


def inspected(sections: Iterable[PluginSection]) -> tuple[dict[tuple[str, str], Any], list[Problem]]:
    """As ``settings_of``, and what is wrong with the files that plug-ins name, as far as their headers show.

    For ``check``: a run shows a placeholder for such a file and goes on.
    """
    listed = list(sections)
    settings, problems = settings_of(listed)
    for section in listed:
        own = settings.get(_place(section))
        check = getattr(load_plugin(TABLES[section.slot][section.kind]), "check", None) if own is not None else None
        for key, sentence in check(own) if check else ():
            problems.append(Problem(str(section.file), f"{section.key}.{key}", sentence))
    return settings, problems


def conflicts(stage: Stage, settings: Mapping[tuple[str, str], Any]) -> list[Problem]:
    """What is wrong between sections that are right by themselves; ``settings`` as in Files."""
    files = Files(stage, Show(stage.file, "", ()), settings)
    return [
        *port_conflicts(stage.file, ports_of(files)),
        *_output_faults(files),
        *_capture_faults(files),
        *_overscan_faults(files),
    ]


def ports_of(files: Files) -> Iterator[PortUse]:
    control = files.stage.control
    if control.osc_port:
        yield PortUse("control.osc_port", control.address, control.osc_port)
    for item in files.stage.tracking:
        protocol = load_plugin(tracking.KINDS[item.source.kind])(files.of(item.source))
        if protocol.endpoint:
            shared = bool(protocol.multicast_groups)
            address, port = protocol.endpoint
            yield PortUse(f"{item.source.key}.port", address, port, shared)
    for one in files.captures:
        receives = getattr(load_plugin(capture.KINDS[one.source.kind]), "receives", None)
        if receives and (endpoint := receives(files.of(one.source))):
            yield PortUse(f"{one.source.key}.url", *endpoint)


def _capture_faults(files: Files) -> Iterator[Problem]:
    """A device that two sections name, two pictures of one camera, and a colour space that is none."""
    claims, cameras = [], []
    for item in files.captures:
        cameras.append((f"{item.source.key}.camera", f"the picture of camera {item.settings.camera!r}"))
        yield from _color_space_fault(files, item)
        claim = getattr(load_plugin(capture.KINDS[item.source.kind]), "claim", None)
        if claim:
            claims.append((f"{item.source.key}.device", claim(files.of(item.source))))
    yield from claim_conflicts(files.stage.file, [*claims, *cameras])


def _overscan_faults(files: Files) -> Iterator[Problem]:
    """Of cameras whose composite is bent to meet their picture: the world must cover it."""
    composited = {output.feed.of for output in files.stage.outputs if output.feed.kind == "composite"}
    for number, camera in enumerate(files.stage.cameras, 1):
        lens = camera.lens()
        needed, has = overscan_needed(lens.distortion, lens), camera.inner.overscan_percent
        if camera.id in composited and needed > has + ENOUGH_PERCENT:
            enough = math.ceil(10.0 * needed) / 10.0
            found = f"found {has:g}, and its lens bends the picture so far that {enough:g} is needed"
            yield Problem(str(files.stage.file), f"camera[{number}].inner.overscan_percent", found)


def _color_space_fault(files: Files, item: CaptureSection) -> Iterator[Problem]:
    try:
        space_of(item.settings.color_space, None, "bt709")
    except UserError as error:
        yield Problem(str(files.stage.file), f"{item.source.key}.color_space", str(error))


def _output_faults(files: Files) -> Iterator[Problem]:
    claims = []
    for item in files.stage.outputs:
        plugin, settings = load_plugin(output.KINDS[item.target.kind]), files.of(item.target)
        faults, claim = getattr(plugin, "faults", None), getattr(plugin, "claim", None)
        for key, fault in faults(settings, feed_size(files.stage, item.feed)) if faults else ():
            yield Problem(str(files.stage.file), f"{item.target.key}.{key}", fault)
        misfit = getattr(plugin, "misfit", None)
        if misfit and (fault := misfit(settings, item.feed)):
            yield Problem(str(files.stage.file), f"{item.target.key}.{fault[0]}", fault[1])
        if claim and (claimed := claim(settings)):
            claims.append((item.target.key, claimed))
    yield from claim_conflicts(files.stage.file, claims)


def surround_faults(stage: Stage, show: Show) -> list[Problem]:
    """What is wrong with the takes whose surrounds the scenes show again, as far as it shows without their pictures."""
    px, generates = stage.neural.surround_px, stage.neural.generator != "none"
    found = []
    for number, scene in enumerate(show.scenes, 1):
        key = f"scene[{number}].{'surround' if scene.baked is None else 'baked'}"
        if scene.baked is not None and not px:
            why = "a bake is shown by the surround, and [neural] surround_resolution is 0"
            found.append(Problem(str(show.file), key, why))
        elif px and (generates or scene.baked is not None):  # else there is nobody to show it
            try:
                stored_for(scene, px)
            except UserError as error:
                found.append(Problem(str(show.file), key, str(error)))
    return found


def read_files(
    stage_path: Path, show_path: Path | None, allow_outside: bool = False, *, surrounds: bool = True, live: bool = True
) -> Files:
    """Stage and show with all their plug-ins' sections. Raises ProblemsError with everything that is wrong.

    surrounds: also with what scenes take from other takes; a film needs none of that. live: also with what stands in
    for a camera; a take is drawn without it, and has no copy of it.
    """
    reading = read_stage(stage_path, controls_of, kinds=TABLES, allow_outside=allow_outside)
    problems, sections = list(reading.problems), list(reading.sections)
    show_file = show_path or reading.show
    show = None
    if show_file is None:
        if reading.stage is not None:  # a file that cannot be read has other things to mend first
            problems.append(Problem(str(stage_path), "stage.show", "missing: name a show file, here or with --show"))
    else:
        show_reading = read_show(show_file, reading.controls, kinds=TABLES, allow_outside=allow_outside)
        problems += show_reading.problems
        sections += show_reading.sections
        show = show_reading.show
    settings, faults = settings_of(section for section in sections if live or section.slot != "capture")
    if not live:  # those that can be
        settings |= settings_of(section for section in sections if section.slot == "capture")[0]
    problems += faults
    if reading.stage is not None and not problems:
        problems += conflicts(reading.stage, settings)
        problems += surround_faults(reading.stage, show) if show is not None and surrounds else []
    if problems or reading.stage is None or show is None:
        raise ProblemsError(dict.fromkeys(problems))
    return Files(reading.stage, show, settings)


def base_look(files: Files) -> tuple[tuple[str, Value], ...]:
    """Where a scene takes the controls that it does not set itself: the look's faders, and all that scenes do set.

    As the show says, or the stage, or else the control's default. What no scene ever sets is a hand's alone.
    """
    controls = Controls(files.controls)
    for address, value in (*files.stage.controls, *files.show.controls):
        controls.set(address, value)
    named = [*files.show.controls, *(pair for scene in files.show.scenes for pair in scene.controls)]
    look = [address for address in controls.declared if address.startswith(LOOK)]
    addresses = dict.fromkeys([*look, *(address for address, _ in named)])
    return tuple((address, controls.at(address, 0.0)) for address in addresses)
