"""Distortion as files have it: coefficients, or an ST map."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from vpengine.errors import UserError
from vpengine.stage.settings import ExistingFile, Settings, refusal
from vpengine.stage.st_map_file import Origin, read_st_map
from vpengine.view.distortion import D_U, AnyDistortion, Distortion, Model, padded
from vpengine.view.st_map import StMap

Shift = Annotated[float, Field(ge=-100.0, le=100.0)]
Coefficient = Annotated[float, Field(ge=-1e3, le=1e3)]


class CoefficientSettings(Settings):
    """OpenLensIO's Brown-Conrady model."""

    model: Model = Field(
        default=D_U,
        description="Which way the coefficients lead: D-U from the distorted to the undistorted picture, as OpenLensIO "
        "has them by default; U-D the other way, as OpenCV's do.",
    )
    radial: Annotated[tuple[Coefficient, ...], Field(max_length=6)] = Field(
        default=(),
        description="k1 to k6, of the numerator and the denominator in turn: k1, k3 and k5 of the numerator's r^2, r^4 "
        "and r^6 with r in mm, k2, k4 and k6 of the denominator's.",
    )
    tangential: tuple[Coefficient, Coefficient] = Field(default=(0.0, 0.0), description="p1 and p2, with r in mm.")
    offset_mm: tuple[Shift, Shift] = Field(
        default=(0.0, 0.0), description="Offset of the distortion's centre from the lens's axis, right and down."
    )

    def coefficients(self) -> Distortion:
        return Distortion(padded(self.radial), self.tangential, self.offset_mm, self.model)


class DistortionSettings(CoefficientSettings):
    """How the lens bends the picture, by coefficients or by an ST map."""

    st_map: ExistingFile | None = Field(
        default=None,
        description="An EXR that stands instead of coefficients: its red and green say for each pixel of the real "
        "picture where it lies in the undistorted one, as shares of that from its left edge and its origin.",
    )
    st_map_origin: Origin = Field(
        default="bottom",
        description="Which edge the map's green counts from: bottom, as in Nuke, or top. What vpengine wrote says so.",
    )
    _map: StMap | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> DistortionSettings:
        if self.st_map is None:
            return self
        if self.radial or any((*self.tangential, *self.offset_mm)):
            raise refusal("an ST map stands instead of coefficients; leave one of the two out", "st_map")
        try:
            self._map = read_st_map(self.st_map, self.st_map_origin)
        except UserError as error:
            raise refusal(str(error), "st_map") from None
        return self

    def distortion(self) -> AnyDistortion:
        return self._map if self._map is not None else self.coefficients()
