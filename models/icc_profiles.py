"""Small RGB colour profiles (ICC.1:2022, version 4) made from chromaticities, for test images."""

import struct

import numpy as np

# CIE xy of red, green and blue: IEC 61966-2-1 (sRGB), SMPTE EG 432-1 with D65 (Display P3), Adobe RGB (1998).
SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))

# Parameters of 'para' curves: of type 3 (the sRGB function) and of type 0 (a power).
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
ADOBE_CURVE = (563 / 256,)

_D65 = (0.3127, 0.3290)
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def rgb_profile(name: str, primaries: tuple[tuple[float, float], ...], curve: tuple[float, ...]) -> bytes:
    """A matrix profile of a display with the white point D65.

    Args:
        name: its description.
        primaries: CIE xy of red, green and blue.
        curve: `SRGB_CURVE` or `ADOBE_CURVE`.
    """
    red, green, blue = _colorants(primaries).T
    trc = struct.pack(">4sIHH", b"para", 0, {5: 3, 1: 0}[len(curve)], 0) + b"".join(map(_fixed, curve))
    tags = {
        b"desc": _text(name),
        b"cprt": _text("CC0"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + bytes(4) + b"".join(map(_fixed, _adaptation().ravel())),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        b"rTRC": trc,
        b"gTRC": trc,
        b"bTRC": trc,
    }
    table = struct.pack(">I", len(tags))
    data = b""
    start = 128 + 4 + 12 * len(tags)
    for signature, content in tags.items():
        table += struct.pack(">4sII", signature, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x04400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(_fixed, _D50))
    return header + bytes(128 - len(header)) + table + data


def _white_xyz() -> np.ndarray:
    x, y = _D65
    return np.array([x / y, 1, (1 - x - y) / y])


def _adaptation() -> np.ndarray:
    """Bradford adaptation of XYZ from D65 to D50, the white of the profile connection space."""
    gain = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ _white_xyz())
    return np.linalg.inv(_BRADFORD) @ np.diag(gain) @ _BRADFORD


def _colorants(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """XYZ (D50) of red, green and blue, in columns."""
    matrix = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return _adaptation() @ (matrix * np.linalg.solve(matrix, _white_xyz()))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: np.ndarray | tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return struct.pack(">4sIII2s2sII", b"mluc", 0, 1, 12, b"en", b"US", len(content), 28) + content
