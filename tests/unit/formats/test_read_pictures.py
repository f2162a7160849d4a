"""PNG files and zips that others wrote are read as they mean them, and no broken one does harm."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from samui.errors import FormatError
from samui.formats import source
from tests.unit.formats.test_read import read


def png(values, mode=None):
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(values), mode).save(buffer, "PNG")
    return buffer.getvalue()


def huge_png():
    """The header of a PNG of 10^12 pixels."""
    header = struct.pack(">IIBBBBB", 10**6, 10**6, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + b"\0\0\0\0IDAT"


def with_table(table):
    values = np.zeros((4, 5), np.uint8)
    values[1, 2], values[2, 2] = 1, 2
    text = PngInfo()
    text.add_text("samui", table if isinstance(table, str) else json.dumps(table))
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def zipped(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("_SLASH_", "/").replace("_DOT_", "."), data)
    return buffer.getvalue()


def tiff(*pages):
    first, *rest = (Image.fromarray(one) for one in pages)
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=bool(rest), append_images=rest)
    return buffer.getvalue()


def pages():
    return tiff(np.eye(3, dtype=np.uint8), np.eye(3, dtype=np.uint8))


SET = png(np.ones((4, 5), np.uint8))


def test_a_png_of_others_is_a_mask_or_a_label_map_by_its_values(tmp_path):
    grey = np.zeros((4, 5), np.uint8)
    grey[1, 1:3] = 7
    (back,) = read(tmp_path, png(grey), "m.png")
    assert [(one.id, one.label, one.rle.area) for one in back.objects] == [(1, "", 2)]
    values = grey.astype(np.uint16)
    values[3, 3] = 1001
    (back,) = read(tmp_path, png(values), "m.png")
    assert (back.image, back.size) == ("m.png", (4, 5))
    assert [(one.id, one.rle.area) for one in back.objects] == [(7, 2), (1001, 1)]
    (back,) = read(tmp_path, png(values), "m.png", "mask")
    assert [one.rle.area for one in back.objects] == [3]
    (back,) = read(tmp_path, png(grey == 7), "m.png")
    assert [one.rle.area for one in back.objects] == [2]


def test_values_that_a_label_map_s_table_leaves_out_are_objects_too(tmp_path):
    (back,) = read(tmp_path, with_table([{"value": 2, "id": 1, "label": "a"}]), "a.png")
    assert [(one.id, one.label) for one in back.objects] == [(1, "a"), (2, "")]
    rows, columns = np.nonzero(back.objects[1].rle.decode())
    assert (rows.tolist(), columns.tolist()) == ([1], [2])


def test_a_zip_of_others_gives_its_pngs_by_name_and_passes_over_the_rest(tmp_path):
    entries = {"x_SLASH_cat.png": SET, "__MACOSX_SLASH_._cat.png": b"x", "notes.txt": b"x", "dog.PNG": SET}
    (back,) = read(tmp_path, zipped(**entries), "m.zip")
    assert [(one.id, one.label, one.rle.area) for one in back.objects] == [(1, "cat", 20), (2, "dog", 20)]


PICTURES = {
    "no PNG": ("a.png", b"GIF89a", "must be a PNG or TIFF, got: "),
    "a cut PNG": ("a.png", png(np.eye(200, dtype=np.uint8))[:-30], "must be a whole, undamaged PNG, got: "),
    "10^12 pixels": ("a.png", huge_png(), "image: must have 1 to 100000000 pixels, got 1000000x1000000"),
    "colours": ("a.png", png(np.zeros((2, 2, 3), np.uint8)), "must be a PNG of one channel (grey or indexed), got RGB"),
    "a table of no JSON": ("a.png", with_table("[{]"), "must be JSON, got: "),
    "a table of another kind": ("a.png", with_table({}), "samui: must be a list, got {}"),
    "a table without ids": ("a.png", with_table([{"value": 1}]), "samui[0].id: must be a finite number, got None"),
    "a value that comes twice": (
        "a.png",
        with_table([{"value": 1, "id": 1}, {"value": 1, "id": 2}]),
        "samui[1].value: must be a value of its own from 1 to 65535, got 1",
    ),
    "an id that comes twice": (
        "a.png",
        with_table([{"value": 1, "id": 1}, {"value": 2, "id": 1}]),
        "objects[1].id: must be a whole number of its own from 0, got 1",
    ),
    "no zip": ("a.zip", b"PK\3\4", "must be a whole zip file, got: "),
    "an empty zip": ("a.zip", zipped(), "must hold a PNG for each object, got none"),
    "a zip of something else": ("a.zip", zipped(a_DOT_png=b"x"), "a.png: must be a PNG or TIFF, got: "),
    "two sizes": (
        "a.zip",
        zipped(a_DOT_png=SET, b_DOT_png=png(np.ones((5, 4), np.uint8))),
        "b.png: must be 5x4 as the first one, got 4x5",
    ),
    "an empty TIFF": ("a.tif", b"", "must be a PNG or TIFF, got: "),
    "a TIFF of pages": ("a.tif", pages(), "must be a TIFF of one page, got 2"),
    "negative values": ("a.tif", tiff(np.full((2, 3), -4, np.int32)), "values: must be whole numbers from 0, got -4"),
    "a picture": ("a.jpg", b"", "must be of a kind that its ending and content tell, or its format must be given, got"),
    "names out of the zip": (
        "a.zip",
        zipped(**{"_DOT__DOT__SLASH_a_DOT_png": SET}),
        "'../a.png': must be a path inside the folder, got one that leads out of it",
    ),
    "absolute names": ("a.zip", zipped(_SLASH_a_DOT_png=SET), "'/a.png': must be a path inside the folder, got one"),
}


@pytest.mark.parametrize(("name", "content", "message"), PICTURES.values(), ids=PICTURES)
def test_a_broken_picture_or_zip_is_told(name, content, message, tmp_path):
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content, name)
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")


def test_a_zip_that_unpacks_to_too_much_is_refused_before_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "MAX_ENTRY", 10_000)
    with pytest.raises(FormatError, match=r"a\.png: must have at most 10000 bytes, got 10001"):
        read(tmp_path, zipped(a_DOT_png=b"\0" * 10_001), "a.zip")
    monkeypatch.setattr(source, "MAX_ENTRIES", 1)
    with pytest.raises(FormatError, match="must hold at most 1 files, got 2"):
        read(tmp_path, zipped(a_DOT_png=SET, b_DOT_png=SET), "a.zip")
