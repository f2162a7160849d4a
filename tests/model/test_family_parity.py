"""What samui predicts with each family is what transformers' own model and post-processing give for the same prompt.

SAM itself: `test_parity.py`. SAM-HQ is held to its processor as a whole. The image processors of SAM 2 and its
followers need torchvision, which the project goes without, so their reference is made of transformers' own parts:
coordinates by `Sam2Processor._normalize_coordinates`, the model's `forward`; and of what stands in the processor,
written out: resize of uint8 by torch, antialiased (torchvision's `resize` calls that), `(x - 255 mean) / (255 std)` in
float32, and logits that go to the image in one bilinear step. Earlier logits are clamped to 32, as Meta's
`SAM2ImagePredictor` does and transformers does not.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch.nn import functional
from transformers.models.sam2.processing_sam2 import Sam2Processor

from samui import Prompt, load_predictor
from samui.models import families
from tests.model import random_weights
from tests.model.conftest import picture
from tests.model.test_parity import Reference as SamReference
from tests.model.test_parity import assert_same, prompts

pytestmark = pytest.mark.model

SIZES = {
    "landscape": (300, 401),
    "portrait": (1100, 700),
    "square": (256, 256),
    "tiny": (5, 7),
    "twelve megapixels": (3000, 4000),
}
FIRST = SIZES["landscape"]  # the size of the picture that the encoders see
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


@dataclass
class SquareReference:
    """transformers alone, on a square of `side` pixels that the image is stretched to."""

    kind: type
    side: int
    levels: tuple
    folder: Path
    image: np.ndarray
    embedding: list | None = None

    @cached_property
    def model(self):
        return self.kind.from_pretrained(self.folder, dtype=torch.float32).eval()

    @property
    def pixels(self) -> torch.Tensor:
        rows = torch.from_numpy(self.image).permute(2, 0, 1)[None].contiguous()
        small = functional.interpolate(rows, (self.side,) * 2, mode="bilinear", align_corners=False, antialias=True)
        mean, std = (torch.tensor(values) * (1.0 / (1 / 255)) for values in self.levels)
        return (small.float() - mean.view(3, 1, 1)) / std.view(3, 1, 1)

    def encode(self) -> dict[str, torch.Tensor]:
        self.embedding = self.model.get_image_embeddings(self.pixels)
        return dict(zip(("fine", "middle", "embedding"), self.embedding, strict=True))

    def predict(self, prompt: Prompt, *, multimask: bool = True):
        """Low-resolution logits, scores, full-size logits before the threshold; `present` is kept."""
        size, given = self.image.shape[:2], {}
        scale = Sam2Processor._normalize_coordinates
        if prompt.points:
            given["input_points"] = scale(None, self.side, torch.tensor(prompt.points)[None, None], size)
            given["input_labels"] = torch.tensor(prompt.labels)[None, None]
        if prompt.box is not None:
            box = torch.tensor(prompt.box)[None]
            given["input_boxes"] = scale(None, self.side, box, size, is_bounding_box=True)[None]
        if prompt.mask_logits is not None:
            given["input_masks"] = torch.from_numpy(prompt.mask_logits).clamp(-32, 32)[None, None]
        with torch.no_grad():
            out = self.model(image_embeddings=list(self.embedding), multimask_output=multimask, **given)
        self.present = float(out.object_score_logits)
        full = functional.interpolate(out.pred_masks[0], size, mode="bilinear", align_corners=False)
        return out.pred_masks[0, 0].numpy(), out.iou_scores[0, 0].numpy(), full[0].numpy()


class HqReference(SamReference):
    """transformers' processor, model and post-processing of SAM-HQ."""

    present = None

    @cached_property
    def processor(self):
        return transformers.SamHQProcessor(transformers.SamImageProcessorPil.from_pretrained(self.folder))

    @cached_property
    def model(self):
        return transformers.SamHQModel.from_pretrained(self.folder, dtype=torch.float32).eval()

    @property
    def pixels(self):
        return self.inputs()["pixel_values"]

    def encode(self) -> dict[str, torch.Tensor]:
        self.embedding, self.early = self.model.get_image_embeddings(self.pixels)
        return {"embedding": self.embedding, "early": self.early[0]}

    def run(self, **inputs):
        return self.model(intermediate_embeddings=self.early, **inputs)


def square(kind, side, levels):
    return lambda folder, image: SquareReference(kind, side, levels, folder, image)


REFERENCES = {
    "sam_hq": HqReference,
    "sam2": square(transformers.Sam2Model, 1024, IMAGENET),
    "sam2_video": square(transformers.Sam2Model, 1024, IMAGENET),
    "sam3_tracker": square(transformers.Sam3TrackerModel, 1008, HALF),
    "sam3_video": square(transformers.Sam3TrackerModel, 1008, HALF),
    "edgetam": square(transformers.EdgeTamModel, 1024, IMAGENET),
}
IMAGES = ("sam_hq", "sam2", "sam3_tracker", "edgetam")
VIDEOS = ("sam2_video", "sam3_video")


@dataclass
class Case:
    """A family's predictor and reference. Its encoders run once, for the first picture."""

    predictor: object
    reference: object

    @cached_property
    def embedding(self):
        return self.predictor.embed(picture(*FIRST))

    @cached_property
    def expected(self):
        return self.reference.encode()

    def at(self, size):
        """The embedding and the reference as if the picture had been of another size."""
        arrays = self.predictor.pack(self.embedding, half=False) | {"image_size": np.array(size)}
        assert self.expected
        self.reference.image = picture(*size)
        return self.predictor.unpack(arrays), self.reference


@pytest.fixture(scope="module")
def case(request, tmp_path_factory):
    """By a family's name; loaded once."""
    made = {}

    def get(name):
        if name not in made:
            folder = getattr(random_weights, name)(tmp_path_factory.mktemp(name))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(families, "find_spec", lambda package: package)  # EdgeTAM's backbone needs no timm here
                predictor = load_predictor(str(folder), device="cpu")
            made[name] = Case(predictor, REFERENCES[name](folder, picture(*FIRST)))
        return made[name]

    return get


every = pytest.mark.parametrize("family", IMAGES)
sizes = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())


@sizes
@every
def test_pixels_are_the_processors_bit_for_bit(case, family, size):
    _, reference = case(family).at(size)
    assert np.array_equal(case(family).predictor._preprocessing(reference.image), reference.pixels[0].numpy())


@every
def test_embedding_is_the_models(case, family):
    found, expected = case(family).embedding.tensors, case(family).expected
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert torch.allclose(found[name], tensor, rtol=0, atol=1e-4 * float(tensor.abs().max()))


KINDS = ("point", "two points", "box", "box and points")
# All kinds at the first size. How coordinates and masks go through a size does not hang on the kind.
LOOKED_AT = [("landscape", kind) for kind in KINDS] + [(size, KINDS[-1]) for size in SIZES if size != "landscape"]


@pytest.mark.parametrize(("size", "kind"), LOOKED_AT)
@every
def test_candidates_are_the_models(case, family, size, kind):
    size = SIZES[size]
    embedding, reference = case(family).at(size)
    prompt = prompts(*size)[kind]
    prediction = case(family).predictor.predict(embedding, prompt)
    assert_same(prediction, reference.predict(prompt))
    assert prediction.present == (pytest.approx(reference.present, abs=1e-4) if reference.present else None)


@pytest.mark.parametrize("kind", ["point", "box and points"])
@every
def test_previous_logits_go_back_in_as_the_models_input_masks(case, family, kind):
    embedding, reference = case(family).at(FIRST)
    prompt = prompts(*FIRST)[kind]
    logits = 20 * reference.predict(prompt)[0][2]  # some of them beyond 32
    prompt = Prompt(prompt.points, prompt.labels, prompt.box, logits)
    assert_same(case(family).predictor.predict(embedding, prompt), reference.predict(prompt))


@pytest.mark.parametrize("kind", ["point", "box"])
@every
def test_the_single_mask_is_the_models(case, family, kind):
    embedding, reference = case(family).at(FIRST)
    prompt = prompts(*FIRST)[kind]
    prediction = case(family).predictor.predict(embedding, prompt, multimask=False)
    assert len(prediction) == 1
    assert_same(prediction, reference.predict(prompt, multimask=False))


@every
def test_several_prompts_at_once_are_each_by_itself(case, family):
    embedding, _ = case(family).at(FIRST)
    predictor = case(family).predictor
    several = [prompts(*FIRST)[kind] for kind in ("point", "box", "point", "box and points", "box")]
    for alone, together in zip(several, predictor.predict_many(embedding, several), strict=True):
        assert predictor.predict(embedding, alone).logits == pytest.approx(together.logits, abs=1e-4)


@pytest.mark.parametrize("family", VIDEOS)
def test_a_video_model_s_folder_is_the_image_model(case, family):
    predictor, reference = case(family).predictor, case(family).reference
    image = reference.model.state_dict()
    found = predictor._model.state_dict()
    assert found.keys() == image.keys()
    for name, weights in image.items():
        assert torch.equal(found[name], weights)
    still = case(family.replace("video", "tracker").replace("sam2_tracker", "sam2"))
    embedding, _ = still.at(FIRST)
    own = predictor.unpack(still.predictor.pack(embedding, half=False))
    for prompt in prompts(*FIRST).values():
        expected = still.predictor.predict(embedding, prompt)
        assert np.array_equal(predictor.predict(own, prompt).logits, expected.logits)


@every
def test_the_weights_make_masks_worth_comparing(case, family):
    embedding, _ = case(family).at(FIRST)
    predictor = case(family).predictor
    areas = [mask.mean() for prompt in prompts(*FIRST).values() for mask in predictor.predict(embedding, prompt).masks]
    assert np.mean((np.array(areas) > 0.01) & (np.array(areas) < 0.99)) > 0.6
    assert len(np.unique(np.round(areas, 4))) > 6
