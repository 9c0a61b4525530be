"""Which scene is on the wall: triggers in, a BusState out; a transition begins when the new plate is ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from vpengine.control.controls import Controls, Value
from vpengine.control.transitions import Transition, dissolve, smooth
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError, did_you_mean
from vpengine.frames.feed import PREVIEW
from vpengine.frames.frame_input import NO_DIP, BusState

MOST_LOCATIONS = 4  # visible at once: each costs a frame what a plate and its generated pictures cost

Dip = tuple[float, float, float, float]
Values = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Move:
    """Where a step takes a control, and in what time. easing: of ``transitions.EASINGS``."""

    address: str
    value: Value
    seconds: float
    easing: str = "smooth"


@dataclass(frozen=True)
class Step:
    """What a scene or a cue asks for: what is shown, how it comes, and where controls go."""

    scene: str
    location: str
    transition: Transition
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class SceneEntry:
    """location: the name of the plate that the scene shows; scenes on one location differ in their controls only.

    keep: controls that the scene does not set stay as they are, instead of going back to the show's base look.
    """

    slug: str
    location: str
    dissolve_s: float
    controls: Values = ()
    keep: bool = False


class Scenes:
    """The scene list and the dissolve. Nothing here loads or draws: ``ready`` says whether a location can be drawn."""

    def __init__(self, entries: Iterable[SceneEntry], base: Values = ()) -> None:
        """base: (address, value) of the show's base look, where a scene's other controls go back to."""
        self._entries = {entry.slug: entry for entry in entries}
        self._order = list(self._entries)
        self._gone: SceneEntry | None = None  # the scene on the walls, where the show has it no more
        self._gone_from = 0  # its place in the order
        self._base = dict(base)
        first = self._entries[self._order[0]]
        self._state = BusState(first.slug, first.location)
        self._wanted: Step | None = None
        self._running: Step | None = None  # whose transition is under way
        self._progress = 1.0
        self._standby: str | None = None  # the scene in the preview
        self._by_hand: set[str] = set()  # controls moved since a scene was last asked for
        self._from: dict[str, float] = {}  # what was visible when the running transition began, by location
        self._from_dip = NO_DIP
        self._started_s = 0.0

    @property
    def shown(self) -> str:
        """The slug of the scene on the wall, or coming on to it."""
        return self._state.scene

    @property
    def progress(self) -> float:
        """How far the transition that is under way has come, 0 to 1; 1 where none is."""
        return self._progress

    @property
    def location(self) -> str:
        """The location on the wall, or coming on to it."""
        return self._state.target

    def enter_first(self, controls: Controls, time_s: float, slug: str | None = None) -> None:
        """Begin with the scene ``slug``, by default the first: set its controls at once. Raises UserError."""
        entry = self._entries[self._named(SceneTrigger("goto", slug or self._order[0]))]
        self._state = BusState(entry.slug, entry.location)
        for address, value in self.values(entry.slug).items():
            controls.fade(address, value, time_s, 0.0)

    def has(self, slug: str) -> bool:
        return slug in self._entries

    @property
    def locations(self) -> set[str]:
        """All that the program shows, or will show without being asked again: on the walls, under way, or waiting. What
        stands by is not among them.
        """
        steps = [step.location for step in (self._running, self._wanted) if step is not None]
        under_way = self._from if self._running is not None else ()
        return {*(location for location, _ in self._state.shares), *under_way, *steps}

    def take(self, entries: Iterable[SceneEntry], base: Values = ()) -> None:
        """Another version of the show, at least one scene of it. What has changed of the scene on the walls, or of the
        one that waits, comes in its own dissolve; a control that has not changed stays where operators have it. A scene
        on the walls that is gone stays until another is asked for; with another slug alone it is the same scene.
        """
        before, values = self._entries, {slug: self.values(slug) for slug in {*self._entries, self._state.scene}}
        self._entries, self._base = {entry.slug: entry for entry in entries}, dict(base)
        order, self._order = self._order, list(self._entries)
        values |= {new: values[old] for old, new in self._rename(before).items()}
        shown = self._state.scene
        if shown not in self._entries and shown in before:
            self._gone, self._gone_from = before[shown], order.index(shown)
        if self._standby not in self._entries:
            self._standby = None
        if self._wanted is not None:
            self._wanted = self._anew(self._wanted, values) if self._wanted.scene in self._entries else None
        elif shown in self._entries:
            entry = self._entries[shown]
            step = self._anew(Step(shown, self.location, dissolve(entry.dissolve_s)), values)
            if step.moves or step.location != self.location:
                self.play(step)

    def _anew(self, step: Step, before: Mapping[str, Mapping[str, Value]]) -> Step:
        """Where a step goes now; what a cue sets otherwise than its scene did goes where the cue takes it.

        before: where each scene took the controls. One that no scene took anywhere is the hand's, until this one does.
        """
        entry, here, old = self._entries[step.scene], self.values(step.scene), before.get(step.scene, {})
        asked, own = {move.address: move.value for move in step.moves}, dict(entry.controls)
        moved = {
            name: Move(name, value, entry.dissolve_s)
            for name, value in here.items()
            if value != old.get(name, None if name in own else value)
            and asked.get(name, old.get(name)) == old.get(name)
        }
        others = (move for move in step.moves if move.address not in moved)
        return replace(step, location=entry.location, moves=(*others, *moved.values()))

    def _rename(self, before: Mapping[str, SceneEntry]) -> Mapping[str, str]:
        """A slug that is gone becomes the new one of a scene that is the same in all else; returned by the old."""
        new = {slug: entry for slug, entry in self._entries.items() if slug not in before}
        slugs = {
            slug: next((other for other, each in new.items() if replace(each, slug=slug) == entry), slug)
            for slug, entry in before.items()
            if slug not in self._entries
        }
        self._state = replace(self._state, scene=slugs.get(self._state.scene, self._state.scene))
        self._running, self._wanted = (
            replace(step, scene=slugs.get(step.scene, step.scene)) if step is not None else None
            for step in (self._running, self._wanted)
        )
        if self._standby is not None:
            self._standby = slugs.get(self._standby, self._standby)
        return slugs

    def ask(self, trigger: SceneTrigger) -> None:
        """Note which scene is wanted, on the walls or in the preview. Raises UserError for one that does not exist."""
        if trigger.bus == PREVIEW:
            self._standby = self._named(trigger) if trigger.name else None
            return
        self.play(self.step_of(trigger))

    def step_of(self, trigger: SceneTrigger) -> Step:
        """What a trigger for the program asks for, but "take". Raises UserError."""
        return self.step(self._named(trigger) if trigger.action == "goto" else self._neighbour(trigger))

    def step(self, slug: str) -> Step:
        """A scene as a step of its own. Raises UserError."""
        entry = self._entry(slug)
        moves = (Move(address, value, entry.dissolve_s) for address, value in self.values(slug).items())
        return Step(slug, entry.location, dissolve(entry.dissolve_s), tuple(moves))

    def play(self, step: Step) -> None:
        """It begins when its location is ready; one that waits for its own is not wanted any more."""
        self._wanted = step
        self._by_hand.clear()

    def want_nothing(self) -> None:
        """What waits for its location does not begin."""
        self._wanted = None

    @property
    def going_to(self) -> str:
        """The slug of the scene that was asked for last, whether it has begun or not."""
        return self._wanted.scene if self._wanted else self._state.scene

    @property
    def still_to_move(self) -> dict[str, Value]:
        """Where the step that waits for its location takes controls when it begins, by address."""
        moves = self._wanted.moves if self._wanted else ()
        return {move.address: move.value for move in moves if move.address not in self._by_hand}

    @property
    def standby_slug(self) -> str | None:
        """The scene that was put into the preview by itself."""
        return self._standby

    @property
    def stands_by(self) -> bool:
        """Whether a scene was put into the preview by itself."""
        return self._standby is not None

    @property
    def wanted(self) -> Step | None:
        """What was asked for, and waits for its location."""
        return self._wanted

    def moved_by_hand(self, address: str) -> None:
        """A scene that was asked for before, and begins later, leaves this control where the hand put it."""
        self._by_hand.add(address)

    def _neighbour(self, trigger: SceneTrigger) -> str:
        step = 1 if trigger.action == "next" else -1
        slug = self.going_to
        if slug in self._order:
            return self._order[(self._order.index(slug) + step) % len(self._order)]
        there = self._gone_from + min(step, 0)  # in its place the next one is now
        return self._order[there % len(self._order)]

    def _named(self, trigger: SceneTrigger) -> str:
        if trigger.name not in self._entries:
            raise UserError(f"no scene {trigger.name!r}{did_you_mean(trigger.name, self._entries)}")
        return trigger.name

    def _entry(self, slug: str) -> SceneEntry:
        """Of a scene that there is, or of the one on the walls that is gone. Raises UserError."""
        if self._gone is not None and slug == self._gone.slug == self._state.scene and slug not in self._entries:
            return self._gone
        return self._entries[self._named(SceneTrigger("goto", slug))]

    def advance(self, time_s: float, controls: Controls, ready: Callable[[str], bool]) -> BusState:
        """The program at ``time_s``. The wanted step begins when its location is ready, whatever is under way."""
        self._move_on(time_s)
        if self._wanted and ready(self._wanted.location):
            self._begin(self._wanted, time_s, controls)
            self._wanted = None
        return self._state

    def standby(self, ready: Callable[[str], bool]) -> BusState | None:
        """What the preview shows; None when nothing stands by, or its location is not ready."""
        entry = self._entries[self._standby] if self._standby else None
        return BusState(entry.slug, entry.location) if entry is not None and ready(entry.location) else None

    def standby_controls(self) -> Mapping[str, Value]:
        """What the scene in the preview sets."""
        return self.values(self._standby) if self._standby else {}

    def values(self, slug: str) -> dict[str, Value]:
        """Where a scene takes the controls."""
        entry = self._entry(slug)
        return {**({} if entry.keep else self._base), **dict(entry.controls)}

    def _begin(self, step: Step, time_s: float, controls: Controls) -> None:
        """From what is visible now, which may be a transition that this one interrupts."""
        for move in step.moves:
            if move.address not in self._by_hand:
                controls.fade(move.address, move.value, time_s, move.seconds, move.easing)
        self._from, self._from_dip = _strongest(self._state.shares), self._state.dip
        self._started_s = time_s
        self._running = step
        self._state = self._under_way(step, 0.0)

    def _move_on(self, time_s: float) -> None:
        if self._running is not None:
            self._state = self._under_way(self._running, time_s - self._started_s)

    def _under_way(self, step: Step, elapsed_s: float) -> BusState:
        share, cover = step.transition.at(elapsed_s)
        self._progress = 1.0
        if step.transition.done(elapsed_s):
            self._running = None
        else:
            self._progress = elapsed_s / step.transition.seconds
        return replace(self._dissolved(step, share), dip=self._dip(step.transition, elapsed_s, cover))

    def _dip(self, transition: Transition, elapsed_s: float, cover: float) -> Dip:
        """The transition's colour over what there was of another one, which goes in the first half of its time."""
        half_s = 0.5 * transition.seconds
        left = (1.0 - smooth(min(elapsed_s / half_s, 1.0)) if half_s > 0.0 else 0.0) * (1.0 - cover)
        over = (*(channel * cover for channel in transition.color), cover)
        red, green, blue, alpha = (left * old + new for old, new in zip(self._from_dip, over, strict=True))
        return (red, green, blue, alpha) if alpha > 0.0 else NO_DIP

    def _dissolved(self, step: Step, progress: float) -> BusState:
        """Every location that was visible gives way evenly to the step's own, which may be one of them."""
        left = {
            location: share * (1.0 - progress) for location, share in self._from.items() if location != step.location
        }
        if progress >= 1.0 or not left:
            return BusState(step.scene, step.location)
        mix = progress + self._from.get(step.location, 0.0) * (1.0 - progress)
        going = max(left, key=lambda location: left[location])
        others = tuple((location, share) for location, share in left.items() if location != going)
        return BusState(step.scene, going, step.location, mix, others)


def _strongest(shares: Iterable[tuple[str, float]]) -> dict[str, float]:
    """What of ``shares`` goes on being visible beside a new scene: the locations with most of the picture."""
    kept = sorted(shares, key=lambda item: -item[1])[: MOST_LOCATIONS - 1]
    total = sum(share for _, share in kept)
    return {location: share / total for location, share in kept if share > 0.0}
