"""The picture of the layers is the import contract's, and names a library only where it is imported."""

from __future__ import annotations

from xml.etree import ElementTree

from docs.layers import PICTURE, draw, layers, restricted

SVG = "{http://www.w3.org/2000/svg}"


def test_picture_is_drawn_from_the_contract_as_it_is() -> None:
    assert PICTURE.read_text() == draw(), "run: python -m docs.layers"


def test_every_room_has_a_box_and_higher_layers_stand_higher() -> None:
    texts = {text.text: float(text.attrib["y"]) for text in ElementTree.fromstring(draw()).iter(f"{SVG}text")}
    heights = [{texts[room.removeprefix("ecgml.")] for room in layer} for layer in layers()]
    assert all(len(height) == 1 for height in heights)
    assert heights == sorted(heights, key=min)


def test_mlflow_is_named_in_service_alone() -> None:
    assert [room for layer in layers() for room in layer if "mlflow" in restricted(room)] == ["ecgml.service"]
