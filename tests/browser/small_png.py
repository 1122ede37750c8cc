"""Pictures in few bytes: what a browser took, in the colours that matter, as a PNG with a palette."""

import base64
import struct
import zlib
from pathlib import Path

from playwright.sync_api import Page

COLOURS = 64
_REDUCE = """async ([picture, most]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height), brush = canvas.getContext("2d");
  brush.drawImage(image, 0, 0);
  const {data} = brush.getImageData(0, 0, image.width, image.height);
  const times = new Map();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data[at] << 16 | data[at + 1] << 8 | data[at + 2];
    times.set(colour, (times.get(colour) ?? 0) + 1);
  }
  const away = (one, other) => [16, 8, 0].reduce((sum, by) => sum + ((one >> by & 255) - (other >> by & 255)) ** 2, 0);
  const all = [...times].sort((one, other) => other[1] - one[1] || one[0] - other[0]);
  const palette = [];
  for (const least of [900, 100, 0])  // colours far from each other first, so that a rare one is not lost
    for (const [colour] of all)
      if (palette.length < most && palette.every(other => away(colour, other) > least)) palette.push(colour);
  const nearest = new Map();
  for (const [colour] of all) {
    const far = palette.map(other => away(colour, other));
    nearest.set(colour, far.indexOf(Math.min(...far)));
  }
  let rows = "";
  for (let at = 0; at < data.length; at += 4)
    rows += String.fromCharCode(nearest.get(data[at] << 16 | data[at + 1] << 8 | data[at + 2]));
  return {width: image.width, height: image.height, palette, rows: btoa(rows)};
}"""


def keep_small(page: Page, picture: bytes, path: Path) -> None:
    """Keep a picture with a palette.

    Args:
        page: A page with no content policy of its own, to reckon on: an empty one.
        picture: A PNG file in full colours.
    """
    found = page.evaluate(_REDUCE, [base64.b64encode(picture).decode(), COLOURS])
    width, height, rows = found["width"], found["height"], base64.b64decode(found["rows"])
    palette = b"".join(colour.to_bytes(3, "big") for colour in found["palette"])
    lines = b"".join(b"\0" + rows[at : at + width] for at in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # eight bits a pixel, by a palette
    body = zlib.compress(lines, 9)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + _part(b"IHDR", head)
        + _part(b"PLTE", palette)
        + _part(b"IDAT", body)
        + _part(b"IEND", b"")
    )


def _part(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
