"""What samui predicts is what transformers' own processor, model and post-processing give for the same prompt."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import SamImageProcessorPil, SamModel, SamProcessor

from samui import Prompt
from samui.models.preprocess import Preprocessing
from tests.model.conftest import picture

pytestmark = pytest.mark.model

SIZES = {
    "landscape": (300, 401),
    "portrait": (1100, 700),
    "square": (256, 256),
    "tiny": (5, 7),
    "one pixel": (1, 1),
    "twelve megapixels": (3000, 4000),
}
sizes = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
checkpoints = pytest.mark.parametrize("checkpoint", ["shallow", "bundled"])


def prompts(height: int, width: int) -> dict[str, Prompt]:
    """One of each kind, at fractions of the image."""
    point, other, box = (0.4 * width, 0.55 * height), (0.7 * width, 0.2 * height), (0.2, 0.1, 0.83, 0.9)
    box = tuple(share * side for share, side in zip(box, (width, height, width, height), strict=True))
    return {
        "point": Prompt([point], [1]),
        "two points": Prompt([point, other], [1, 0]),
        "box": Prompt(box=box),
        "box and points": Prompt([point, other], [1, 0], box=box),
    }


@dataclass
class Reference:
    """transformers alone, on one image; the encoder runs once, from the processor's pixels."""

    folder: Path
    image: np.ndarray

    @cached_property
    def processor(self) -> SamProcessor:
        # The PIL image processor by name: with torchvision installed, SamProcessor would take another resize.
        return SamProcessor(SamImageProcessorPil.from_pretrained(self.folder))

    @cached_property
    def model(self) -> SamModel:
        return SamModel.from_pretrained(self.folder, dtype=torch.float32).eval()

    def inputs(self, **prompt) -> dict:
        return dict(self.processor(self.image, return_tensors="pt", input_data_format="channels_last", **prompt))

    @cached_property
    def embedding(self) -> torch.Tensor:
        return self.model.get_image_embeddings(self.inputs()["pixel_values"])

    def run(self, **inputs):
        return self.model(**inputs)

    def predict(self, prompt: Prompt, *, multimask: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Low-resolution logits, scores, and full-size logits before the threshold."""
        given = {}
        if prompt.points:
            given |= {"input_points": [[list(map(list, prompt.points))]], "input_labels": [[list(prompt.labels)]]}
        if prompt.box is not None:
            given |= {"input_boxes": [[list(prompt.box)]]}
        inputs = self.inputs(**given)
        del inputs["pixel_values"]
        original, reshaped = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        if prompt.mask_logits is not None:
            inputs["input_masks"] = torch.from_numpy(prompt.mask_logits)[None, None]
        with torch.no_grad():
            out = self.run(image_embeddings=self.embedding, multimask_output=multimask, **inputs)
        (full,) = self.processor.post_process_masks(out.pred_masks[0][None], original, reshaped, binarize=False)
        return out.pred_masks[0, 0].numpy(), out.iou_scores[0, 0].numpy(), full[0].numpy()


@pytest.fixture(scope="module")
def cases(request):
    """(predictor, its embedding, reference) of a checkpoint and a size; each encoder runs once for all tests."""
    made = {}

    def case(name: str, size: tuple[int, int]):
        if (name, size) not in made:
            predictor = request.getfixturevalue(name)
            image = picture(*size)
            made[name, size] = predictor, predictor.embed(image), Reference(Path(predictor.source), image)
        return made[name, size]

    return case


def assert_same(prediction, expected) -> None:
    logits, scores, full = expected
    assert prediction.logits.shape == logits.shape
    assert prediction.scores == pytest.approx(scores, abs=1e-5)
    assert prediction.ranking == np.argsort(-scores, kind="stable").tolist()
    assert np.abs(prediction.logits - logits).max() < 1e-4
    differs = prediction.masks != (full > 0)
    assert np.abs(full[differs]).max(initial=0) < 1e-4
    assert differs.mean() < 1e-5 or differs.sum() <= 1


@sizes
@pytest.mark.parametrize("folder", ["shallow_folder", "bundled"])
def test_pixels_are_the_processors_bit_for_bit(size, folder, request):
    given = request.getfixturevalue(folder)
    source = Path(getattr(given, "source", given))
    processor = SamImageProcessorPil.from_pretrained(source)
    image = picture(*size)
    expected = processor(image, return_tensors="np", input_data_format="channels_last")
    preprocessing = Preprocessing.read(source, processor.size["longest_edge"])
    assert np.array_equal(preprocessing(image), expected["pixel_values"][0])
    assert preprocessing.frame(*size).resized == tuple(expected["reshaped_input_sizes"][0])


@sizes
@checkpoints
def test_embedding_is_the_models(cases, checkpoint, size):
    _, embedding, reference = cases(checkpoint, size)
    assert embedding.size == size
    assert torch.allclose(embedding.tensors["embedding"], reference.embedding, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["point", "two points", "box", "box and points"])
@sizes
@checkpoints
def test_candidates_are_the_models_for(cases, checkpoint, size, kind):
    predictor, embedding, reference = cases(checkpoint, size)
    prompt = prompts(*size)[kind]
    assert_same(predictor.predict(embedding, prompt), reference.predict(prompt))


@pytest.mark.parametrize("kind", ["point", "box and points"])
@checkpoints
def test_previous_logits_go_back_in_as_the_models_input_masks(cases, checkpoint, kind):
    predictor, embedding, reference = cases(checkpoint, SIZES["landscape"])
    first = prompts(*SIZES["landscape"])[kind]
    before = predictor.predict(embedding, first)
    prompt = Prompt(first.points, first.labels, first.box, before.logits[before.best])
    after = predictor.predict(embedding, prompt)
    assert_same(after, reference.predict(prompt))
    assert np.abs(after.logits - before.logits).max() > 1e-3


@pytest.mark.parametrize("kind", ["point", "box"])
@checkpoints
def test_single_mask_is_the_models(cases, checkpoint, kind):
    predictor, embedding, reference = cases(checkpoint, SIZES["landscape"])
    prompt = prompts(*SIZES["landscape"])[kind]
    prediction = predictor.predict(embedding, prompt, multimask=False)
    assert len(prediction) == 1
    assert_same(prediction, reference.predict(prompt, multimask=False))


def test_several_boxes_are_the_models_in_one_pass(cases):
    predictor, embedding, reference = cases("shallow", SIZES["landscape"])
    boxes = [[10, 20, 200, 250], [5.5, 5, 60, 70], [100, 100, 401, 300]]
    inputs = reference.inputs(input_boxes=[boxes])
    with torch.no_grad():
        out = reference.model(image_embeddings=reference.embedding, input_boxes=inputs["input_boxes"])
    found = predictor.predict_many(embedding, [Prompt(box=tuple(box)) for box in boxes])
    for k, prediction in enumerate(found):
        assert prediction.scores == pytest.approx(out.iou_scores[0, k].numpy(), abs=1e-4)
        assert np.abs(prediction.logits - out.pred_masks[0, k].numpy()).max() < 1e-3


def test_the_whole_of_vit_b_gives_what_the_model_gives(vit_b):
    image = picture(480, 640)
    reference = Reference(Path(vit_b.source), image)
    embedding = vit_b.embed(image)
    # Rounding adds up over twelve layers that sum in another order.
    assert float((embedding.tensors["embedding"] - reference.embedding).norm() / reference.embedding.norm()) < 1e-5
    assert torch.allclose(embedding.tensors["embedding"], reference.embedding, rtol=0, atol=1e-4)
    prompt = prompts(480, 640)["box and points"]
    assert_same(vit_b.predict(embedding, prompt), reference.predict(prompt))


@checkpoints
def test_the_masks_compared_are_not_trivial(cases, checkpoint):
    """Guards the tests above: random weights that made all masks empty would prove nothing."""
    predictor, embedding, _ = cases(checkpoint, SIZES["landscape"])
    areas = [predictor.predict(embedding, p).masks.mean((1, 2)) for p in prompts(*SIZES["landscape"]).values()]
    assert np.mean((np.array(areas) > 0.01) & (np.array(areas) < 0.99)) > 0.6
    assert len(np.unique(np.round(areas, 4))) > 6
