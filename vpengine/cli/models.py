"""``vpengine models``: the diffusion models on this machine, what they are, and how more are brought here."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from vpengine.cli.models_fetch import Hub, fetch
from vpengine.control.looks import PREFIX as LOOK
from vpengine.errors import Problem, ProblemsError, UserError
from vpengine.files import controls_of
from vpengine.neural.accelerator import Accelerator, find_accelerator, fitness
from vpengine.neural.digests import sha256_of
from vpengine.neural.lora import Lora
from vpengine.neural.model_folder import INDEX, ModelFolder, find_model, models_folder, models_there, read_model
from vpengine.neural.model_part import WORDS, ModelPart, check_fits, check_kind, read_part
from vpengine.plugins import load_plugin
from vpengine.stage.show_file import read_show

Model = ModelFolder | ModelPart
OPEN_PROMPTS = "vpengine.neural.diffusion_parts:open_prompts"  # imports torch
PROMPTS = "prompts"  # in a model's folder


def list_models(context: typer.Context) -> None:
    """List the models in the models folder: what each is, and what this machine can do with it."""
    if context.invoked_subcommand is not None:
        return
    there = models_there()
    if not there:
        typer.echo(f"no models in {models_folder()}; vpengine models fetch OWNER/NAME brings one")
        return
    accelerator = find_accelerator()
    for path in there:
        try:
            model = read_any(path, check_digests=False)
        except UserError as error:
            _say(path.name, [f"cannot be loaded: {error}"])
            continue
        _say(f"{path.name}  ({summary(model)})", [told for told in (prompts(model), fit(model, accelerator)) if told])
    typer.echo(f"in {models_folder()}; vpengine models inspect NAME tells more")


def inspect_model(
    name: Annotated[str, typer.Argument(help="A name in the models folder, or a path.")],
) -> None:
    """Tell all of a model: its parts, their sizes and sha256, its licence; exit code 2 where it cannot be loaded."""
    model = read_any(find_model(name), check_digests=True)
    typer.echo(f"{model.name}  ({summary(model)})")
    rows = {"path": str(model.path)}
    if isinstance(model, ModelFolder):
        rows |= {
            "source": model.source or "unknown: not fetched by vpengine",
            "pipeline": f"{model.pipeline}, predicts {model.prediction_type}, {model.vae_class}",
            "conditioned": "on depth" if model.depth_conditioned else "on text alone",
            "prompts": prompts(model),
        }
        rows |= {
            name: f"{part.class_name}, {part.parameters:,} parameters, {size_text(part.bytes)}"
            f"{', fp16' if part.half else ''}, sha256 {sha256_of(part.files)}"
            for name, part in model.parts.items()
        }
        rows["here"] = fit(model, find_accelerator())
    rows["sha256"] = sha256_of(model.weights)
    for what, told in rows.items():
        typer.echo(f"  {what:15} {told}")


def fetch_model(
    name: Annotated[str, typer.Argument(help="OWNER/NAME, as the hub has it.")],
    revision: Annotated[str | None, typer.Option(help="A commit, tag or branch, instead of the newest.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Its licence is accepted: ask nothing.")] = False,
) -> None:
    """Bring a model from the Hugging Face hub: safetensors and text only, checked against the hub's sha256."""
    hub = Hub.opened()
    offer = hub.offer(name, revision)
    typer.echo(f"{offer.source} at {offer.revision[:12]}: {len(offer.files)} files, {size_text(offer.bytes)}")
    typer.echo(f"licence: {offer.licence}; read it at {hub.endpoint}/{offer.source}")
    if not yes and not typer.confirm("Is this licence accepted, and shall it be fetched?"):
        typer.echo("nothing was fetched")
        raise typer.Exit(1)
    typer.echo(f"{fetch(hub, offer, models_folder(), read_any)}")


def prepare_prompts(
    name: Annotated[str, typer.Argument(help="A name in the models folder, or a path.")],
    prompts: Annotated[list[str] | None, typer.Argument(help="Prompts, each in quotes.")] = None,
    show: Annotated[list[Path] | None, typer.Option(help="A show file: all prompts in it; repeatable.")] = None,
    lora: Annotated[
        list[str] | None, typer.Option(help="A LoRA of the stage's, NAME or NAME=SCALE; repeatable.")
    ] = None,
) -> None:
    """Encode prompts and keep them in the model's folder, so that a show machine needs no text encoder."""
    model = read_model(find_model(name))
    texts = [*(prompts or ()), *(text for path in show or () for text in prompts_in(path))]
    if not texts:
        raise UserError("no prompts: name some, in quotes, or a --show file that has some")
    try:
        kept = load_plugin(OPEN_PROMPTS)(model.path, [_lora(text, model) for text in lora or ()])
        refused = kept.prepare(dict.fromkeys(["", *texts]))
    except ImportError as error:
        raise UserError(f"encoding prompts needs torch ({error}): pip install 'vpengine[diffusion]'") from error
    if refused:
        raise ProblemsError([Problem(model.name, "prompt", sentence) for sentence in refused.values()])
    typer.echo(f"{len(set(texts))} prompts are kept in {model.path / PROMPTS}")


COMMANDS: dict[str, Callable[..., None]] = {
    "": list_models,
    "inspect": inspect_model,
    "fetch": fetch_model,
    "prepare": prepare_prompts,
}


def _lora(text: str, model: ModelFolder) -> Lora:
    """Of a name, and a scale after = where that is not 1. Raises UserError where it is none, or not for this model."""
    name, equals, scale = text.rpartition("=")
    if not equals or not re.fullmatch(r"-?\d+(\.\d+)?", scale):
        name, scale = text, "1"
    part = read_part(find_model(name))
    check_kind(part, "lora")
    check_fits(part, model)
    return Lora(part.path, float(scale))


def prompts_in(show: Path) -> list[str]:
    """Every text that a show's scenes, or its base look, ask the generator for. Raises ProblemsError."""
    reading = read_show(show, controls_of("diffusion"))
    if reading.show is None:
        raise ProblemsError(reading.problems)
    asked = [*reading.show.controls, *(pair for scene in reading.show.scenes for pair in scene.controls)]
    return [value for address, value in asked if address.startswith(LOOK) and isinstance(value, str)]


def read_any(path: Path, *, check_digests: bool = True) -> Model:
    """A whole model, or a part that can be added to one."""
    if (path / INDEX).is_file() or (path / "unet").is_dir():
        return read_model(path, check_digests=check_digests)
    return read_part(path)


def summary(model: Model) -> str:
    if isinstance(model, ModelPart):
        family = {True: " for SDXL", False: " for Stable Diffusion", None: ""}[model.sdxl]
        width = f", text {model.cross_attention_dim} wide" if model.cross_attention_dim else ""
        return f"{WORDS[model.kind]}{family}{width}, {size_text(model.bytes)}"
    depth = ", depth" if model.depth_conditioned else ""
    return f"{model.architecture}{depth}, {size_text(model.bytes)}, licence {model.licence}"


def prompts(model: Model) -> str:
    """What its prompts can be."""
    if isinstance(model, ModelPart):
        return ""
    if model.has_text_encoder:
        return "text encoder: any prompt" + (f"; {model.prompts} cached" if model.prompts else "")
    return f"no text encoder: {model.prompts or 'no'} cached prompts"


def fit(model: Model, accelerator: Accelerator) -> str:
    return fitness(model, accelerator) if isinstance(model, ModelFolder) else "added to a model"


def size_text(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _say(head: str, lines: list[str]) -> None:
    width = max(shutil.get_terminal_size().columns, 20)
    typer.echo(head)
    for line in lines:
        typer.echo(textwrap.fill(line, width, initial_indent="    ", subsequent_indent="    "))
