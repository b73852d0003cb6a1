"""Draw the map's own icons as signed distance fields, so that one white shape takes any colour.

    python -m dashboard.assets_source.make_sprite

Writes `assets/map/sprite.png`, `sprite.json` and their `@2x` twins. An SDF stores in the alpha channel how far each
pixel is from the edge: 0.75 on it, more inside, less outside, 1/8 per pixel.
"""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUT = Path(__file__).parent.parent / "assets" / "map"
CELL = 48
Grid = NDArray[np.float64]
Shape = Callable[[Grid, Grid], Grid]  # signed distance in pixels of the @2x sprite, negative inside


def circle(radius: float) -> Shape:
    """A disc around the middle."""
    return lambda x, y: np.hypot(x, y) - radius


def square(half: float) -> Shape:
    """An upright square."""
    return lambda x, y: np.maximum(np.abs(x), np.abs(y)) - half


def triangle(size: float) -> Shape:
    """An isosceles triangle that points up."""
    slope = np.hypot(1.0, 0.5)
    return lambda x, y: np.maximum(y - size * 0.75, (np.abs(x) * 1.0 - (y + size * 1.05) * 0.56) / slope)


def ring(shape: Shape, width: float) -> Shape:
    """Only the outline of a shape."""
    return lambda x, y: np.abs(shape(x, y)) - width / 2


def diamond(half: float) -> Shape:
    """A square on its corner."""
    return lambda x, y: (np.abs(x) + np.abs(y) - half) / np.sqrt(2)


SHAPES: dict[str, Shape] = {
    "coldchain-circle": circle(11),
    "coldchain-triangle": triangle(15),
    "coldchain-square": square(12.5),
    "coldchain-hollow": ring(circle(10), 5),
    "coldchain-framed": lambda x, y: np.minimum(ring(square(15), 4)(x, y), square(7)(x, y)),
    "coldchain-diamond": diamond(14),
}


def sprite(scale: int) -> tuple[NDArray[np.uint8], dict[str, dict[str, object]]]:
    """The icons side by side and where each one is; `scale` is device pixels per CSS pixel, a cell 24 of these."""
    # Twice the pixels that a screen needs: the edge of an SDF is blurred by one of its own pixels.
    dots = 2 * scale
    cell = CELL * dots // 2
    middle = (np.arange(cell) + 0.5) * (2 / dots) - CELL / 2
    x, y = np.meshgrid(middle, middle)
    images: list[NDArray[np.uint8]] = []
    index: dict[str, dict[str, object]] = {}
    for place, (name, shape) in enumerate(SHAPES.items()):
        alpha = np.clip(0.75 - shape(x, y) * (dots / 2) / 8, 0, 1)
        images.append(np.round(alpha * 255).astype(np.uint8))
        index[name] = {
            "x": place * cell, "y": 0, "width": cell, "height": cell, "pixelRatio": dots, "sdf": True,
        }  # fmt: skip
    return np.concatenate(images, axis=1), index


def png(alpha: NDArray[np.uint8]) -> bytes:
    """A white RGBA image with this alpha channel."""
    height, width = alpha.shape
    rgba = np.full((height, width, 4), 255, dtype=np.uint8)
    rgba[..., 3] = alpha
    raw = b"".join(b"\0" + row.tobytes() for row in rgba)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def main() -> None:
    """Write both sprites."""
    for scale, suffix in ((1, ""), (2, "@2x")):
        alpha, index = sprite(scale)
        (OUT / f"sprite{suffix}.png").write_bytes(png(alpha))
        (OUT / f"sprite{suffix}.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
