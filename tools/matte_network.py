"""The matte refiner's network: what the key measured of each pixel in, what is to be added to its alpha out.

Half the picture's size inside, its 2 x 2 pixels as channels, and a quarter of it around: a first convolution sees every
pixel, so edges stay as sharp as the picture's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FACTS = 8  # shaders/key_facts.frag
MULTIPLE = 4  # sides of a picture


class MatteNet(nn.Module):
    """fine: channels at half the size; wide: at a quarter."""

    def __init__(self, fine: int = 16, wide: int = 24) -> None:
        super().__init__()
        self.fine = nn.Conv2d(FACTS, fine, 4, stride=2, padding=1)
        self.down = nn.Conv2d(fine, wide, 3, stride=2, padding=1)
        self.around = nn.ModuleList(nn.Conv2d(wide, wide, 3, padding=1) for _ in range(2))
        self.up = nn.Conv2d(wide, fine, 1)
        self.join = nn.Conv2d(fine, fine, 3, padding=1)
        self.answer = nn.Conv2d(fine, 4, 1)
        nn.init.zeros_(self.answer.weight)  # it begins with the shader's own alpha
        nn.init.zeros_(self.answer.bias)

    def forward(self, facts: Tensor) -> Tensor:
        """facts: (B, FACTS, H, W), sides in MULTIPLE; the correction (B, 1, H, W)."""
        fine = functional.relu(self.fine(facts))
        wide = functional.relu(self.down(fine))
        for layer in self.around:
            wide = wide + functional.relu(layer(wide))
        up = functional.interpolate(self.up(wide), scale_factor=2.0, mode="bilinear", align_corners=False)
        return functional.pixel_shuffle(self.answer(functional.relu(self.join(functional.relu(fine + up)))), 2)


def export_onnx(network: nn.Module, path: str) -> None:
    """Opset 17, dynamic height and width."""
    axes = {name: {2: "height", 3: "width"} for name in ("facts", "correction")}
    torch.onnx.export(
        network.eval(),
        (torch.rand(1, FACTS, 32, 48),),
        path,
        input_names=["facts"],
        output_names=["correction"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
