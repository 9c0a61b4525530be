"""What every section of a stage or show file is: frozen, strict, with no key that was not declared."""

from __future__ import annotations

import difflib
import ipaddress
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$"
SLUG_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"
PATTERN_SENTENCES = {
    ID_PATTERN: "up to 32 letters, digits, - and _, beginning with a letter or digit",
    SLUG_PATTERN: "up to 32 lower-case letters, digits and -, beginning with a letter or digit",
}


_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


class Settings(BaseModel):
    """A section's keys. Text is not taken for a number nor true for 1; NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def refusal(message: str, key: str = "") -> PydanticCustomError:
    """What a validator raises. A model's validator names the ``key`` that is at fault."""
    # The message travels in the context, so that braces in it are not taken for a template.
    return PydanticCustomError("refused", "{message}", {"key": key, "message": message})


def _rate(value: Any) -> Fraction:
    """24, 25, 30, ... as an integer, or the 1000/1001 rates as text, exact."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 240:
        return Fraction(value)
    if isinstance(value, str):
        top, slash, bottom = value.partition("/")
        exact = slash and bottom == "1001" and top.isascii() and top.isdigit() and len(top) <= 6
        if exact and int(top) % 1000 == 0 and 1 <= int(top) // 1000 <= 240:
            return Fraction(int(top), 1001)
    raise refusal(f'found {shown(value)}, allowed a whole number from 1 to 240, or text such as "24000/1001"')


def _address(value: str) -> str:
    try:
        found = ipaddress.ip_address(value)
    except ValueError:
        raise refusal(f'found {shown(value)}, allowed an IP address such as "127.0.0.1" or "0.0.0.0"') from None
    if found.is_multicast or found == _BROADCAST:
        raise refusal(f"found {shown(value)}, which is no machine's own; allowed an address of this one, or 0.0.0.0")
    return str(found)


def _endpoint(value: str) -> str:
    host, colon, port = value.rpartition(":")
    try:
        found = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        found = None
    if not colon or found is None or found.is_unspecified or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise refusal(f'found {shown(value)}, expected an IP address and a port, such as "192.168.1.20:9000"')
    return f"{found}:{int(port)}"


def inside_path(value: Any, info: ValidationInfo, what: str = "folder") -> Path:
    """A path in a file is relative to that file's folder and stays inside it, unless allowed on the command line.

    Without a file (settings made in code) there is no folder to stay in, and who opens the path says what is wrong.
    """
    if not isinstance(value, str | Path) or "\0" in str(value) or not str(value).strip():
        raise refusal(f"found {shown(value)}, expected the path of a {what}")
    if not info.context:
        return Path(value)
    folder: Path = info.context["folder"]
    path = Path(folder, value)
    try:
        outside = not path.resolve().is_relative_to(folder.resolve())
        if outside and not info.context["allow_outside"]:
            raise refusal(
                f"found {shown(str(value))}, which lies outside the folder {folder}; move it inside, or allow it with "
                "--allow-outside"
            )
    except (OSError, RuntimeError) as error:
        raise _unreadable(value, error) from None
    return path


def existing_file(value: Any, info: ValidationInfo) -> Path:
    """A file beside the one that names it. Raises what a validator may."""
    path = inside_path(value, info, "file")
    if not info.context:
        return path
    try:
        if not path.is_file():
            missing = f"no such file{_neighbour(path)}"
            raise refusal(f"found {shown(str(value))}, {'which is not a file' if path.exists() else missing}")
    except (OSError, RuntimeError) as error:
        raise _unreadable(value, error) from None
    return path


def _unreadable(value: str | Path, error: Exception) -> PydanticCustomError:
    return refusal(f"found {shown(str(value))}, which cannot be read ({error})")


def _neighbour(path: Path) -> str:
    """A hint at a file beside a missing one, of a like name."""
    if not path.parent.is_dir():
        return ""
    beside = {other.stem: other.name for other in path.parent.iterdir() if other.suffix == path.suffix}
    close = difflib.get_close_matches(path.stem, beside, n=1)
    return f"; did you mean {beside[close[0]]!r}?" if close else ""


def shown(value: Any) -> str:
    """A value as its file has it, shortened."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else _repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _repr(value: Any) -> str:
    try:
        return repr(list(value) if isinstance(value, tuple) else value)
    except ValueError:  # an integer too long for Python to print
        return "a number of thousands of digits"


Degrees = Annotated[float, Field(ge=-360.0, le=360.0)]
Metres = Annotated[float, Field(ge=-200.0, le=200.0)]
Position = tuple[Metres, Metres, Metres]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
Pixels = Annotated[int, Field(ge=1, le=16384)]
Resolution = tuple[Pixels, Pixels]
Port = Annotated[int, Field(ge=0, le=65535)]
NetworkAddress = Annotated[str, AfterValidator(_address)]
# "ip:port" of another machine. Addresses only: a name would have to be looked up while the show runs.
Endpoint = Annotated[str, AfterValidator(_endpoint)]
Rate = Annotated[
    Fraction,
    PlainValidator(_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 240},
                {"type": "string", "pattern": "^[0-9]+000/1001$"},
            ]
        }
    ),
]
# For any section's model: the file is found beside the stage or show file that names it (see resolve_settings).
ExistingFile = Annotated[Path, PlainValidator(existing_file), WithJsonSchema({"type": "string"})]
# A file under the same rule, or the word none; text either way.
MatteName = Annotated[
    str,
    PlainValidator(lambda value, info: value if value == "none" else str(existing_file(value, info))),
    WithJsonSchema({"type": "string"}),
]
# The path of a folder under the same rule, whether it is there or not: who opens it says what is wrong with it.
NamedFolder = Annotated[
    Path, PlainValidator(lambda value, info: inside_path(value, info)), WithJsonSchema({"type": "string"})
]
