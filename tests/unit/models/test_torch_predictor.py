"""What families share, on a small SAM and on a family of another kind: named tensors, memory, devices, presence."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from samui.models.embeddings import EmbeddingCache
from samui.models.load import _Places
from samui.pixels.geometry import Frame
from samui.types import Prompt
from tests.small_sam import make_model, make_predictor, make_stretching_predictor

PROMPTS = {
    "point": Prompt([(40.25, 30.5)], [1]),
    "two points": Prompt([(40.25, 30.5), (70, 9)], [1, 0]),
    "box": Prompt(box=(10, 5, 90.5, 50)),
    "box and point": Prompt([(40.25, 30.5)], [1], box=(10, 5, 90.5, 50)),
}


def picture(height=60, width=100, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module")
def sam():
    return make_predictor()


@pytest.fixture(scope="module")
def stretching(tmp_path_factory):
    return make_stretching_predictor(tmp_path_factory.mktemp("no settings"))


@pytest.fixture(params=["sam", "stretching"])
def predictor(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_family_of_three_maps_gives_what_its_model_gives(stretching, prompt, multimask):
    image = picture()
    prediction = stretching.predict(stretching.embed(image), prompt, multimask=multimask)
    given = {"pixel_values": torch.from_numpy(stretching._preprocessing(image))[None]}
    if prompt.points:
        scaled = torch.tensor(prompt.points, dtype=torch.float32) * torch.tensor([128 / 100, 128 / 60])
        given |= {"input_points": scaled[None, None], "input_labels": torch.tensor([[prompt.labels]])}
    if prompt.box is not None:
        scaled = torch.tensor(prompt.box).reshape(2, 2) * torch.tensor([128 / 100, 128 / 60])
        given |= {"input_boxes": scaled.reshape(1, 1, 4)}
    with torch.inference_mode():
        out = stretching._model(**given, multimask_output=multimask)
    assert prediction.logits == pytest.approx(out.pred_masks[0, 0].numpy(), abs=1e-5)
    assert prediction.scores == pytest.approx(out.iou_scores[0, 0].numpy(), abs=1e-6)
    assert prediction.present == pytest.approx(float(out.object_score_logits[0, 0, 0]), abs=1e-5)
    full = torch.nn.functional.interpolate(out.pred_masks[0], (60, 100), mode="bilinear", align_corners=False)[0]
    differs = prediction.masks != (full > 0).numpy()
    assert np.abs(full.numpy()[differs]).max(initial=0) < 1e-4
    assert 0.01 < prediction.masks.mean() < 0.99


def test_sam_does_not_say_what_is_present(sam):
    assert sam.predict(sam.embed(picture()), PROMPTS["point"]).present is None


def test_bytes_of_an_embedding_are_those_of_all_its_tensors(stretching):
    embedding = stretching.embed(picture())
    assert list(embedding.tensors) == ["fine", "middle", "embedding"]
    assert embedding.nbytes == 4 * (4 * 32 * 32 + 8 * 16 * 16 + 32 * 8 * 8)
    assert embedding.frame == Frame.stretch(60, 100, side=128, low=32)


@pytest.mark.parametrize("half", [False, True])
def test_packed_and_unpacked_is_the_same_embedding(predictor, half):
    embedding = predictor.embed(picture())
    arrays = predictor.pack(embedding, half=half)
    assert set(arrays) == {"image_size", *embedding.tensors}
    back = predictor.unpack(arrays)
    assert (back.frame, back.model, list(back.tensors)) == (embedding.frame, embedding.model, list(embedding.tensors))
    for name, tensor in embedding.tensors.items():
        assert arrays[name].dtype == (np.float16 if half else np.float32)
        assert torch.allclose(back.tensors[name], tensor, atol=1e-2 if half else 0)
        for layout in torch.contiguous_format, torch.channels_last:
            assert back.tensors[name].is_contiguous(memory_format=layout) == tensor.is_contiguous(memory_format=layout)
    if not half:
        prompt = PROMPTS["box and point"]
        one, other = predictor.predict(embedding, prompt), predictor.predict(back, prompt)
        assert np.array_equal(one.logits, other.logits)


@pytest.mark.parametrize("name", ["fine", "middle", "embedding", "image_size"])
def test_a_packed_embedding_that_lacks_a_part_is_named(stretching, name):
    arrays = stretching.pack(stretching.embed(picture()))
    del arrays[name]
    with pytest.raises(ValueError, match=f"^{name}: must be"):
        stretching.unpack(arrays)


def test_all_maps_come_back_from_the_disk(stretching, tmp_path):
    image = picture()
    first = EmbeddingCache(1 << 20, tmp_path).get_or_encode(stretching, image)
    cache = EmbeddingCache(1 << 20, tmp_path)
    second = cache.get_or_encode(stretching, image)
    assert cache.counts.disk_hits == 1
    for name, tensor in first.tensors.items():
        assert torch.allclose(second.tensors[name], tensor, atol=1e-2)


def test_each_of_many_predictions_owns_its_arrays(predictor):
    embedding = predictor.embed(picture())
    prompts = [Prompt([(x, 20)], [1]) for x in range(10, 70, 10)]
    for prediction in predictor.predict_many(embedding, prompts):
        assert held_by(prediction.logits) == prediction.logits.nbytes
        assert held_by(prediction.scores) == prediction.scores.nbytes


def held_by(array: np.ndarray) -> int:
    """Bytes that stay in memory as long as an array does."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base.untyped_storage().nbytes() if isinstance(array.base, torch.Tensor) else array.nbytes


def test_without_the_fast_decoder_a_prediction_keeps_no_fourth_mask_alive():
    model = make_model()
    predictor = make_predictor(model)
    predictor._network._fast = None
    model.mask_decoder.forward = type(model.mask_decoder).forward.__get__(model.mask_decoder)
    prediction = predictor.predict(predictor.embed(picture()), PROMPTS["point"])
    assert held_by(prediction.logits) == prediction.logits.nbytes


# Devices


def test_encoder_and_decoder_compute_where_they_were_put():
    """The encoder is on the meta device, which has no data: its results come from the model it was made of."""
    whole, split = make_model(), make_model()
    _Places(torch.device("meta"), torch.device("cpu")).move(split)
    assert {weights.device.type for weights in split.vision_encoder.parameters()} == {"meta"}
    rest = [weights for name, weights in split.named_parameters() if not name.startswith("vision_encoder.")]
    assert {weights.device.type for weights in rest} == {"cpu"}

    image, one, other = picture(), make_predictor(whole), make_predictor(split)
    embedding, seen = one.embed(image), []

    def encode(pixels, **options):
        seen.append(pixels.device.type)
        return SimpleNamespace(last_hidden_state=embedding.tensors["embedding"])

    split.get_image_embeddings = lambda pixels: encode(pixels).last_hidden_state
    apart = other.embed(image)
    assert seen == ["meta"]
    assert (other.device, one.device) == ("meta", "cpu")
    assert other.points_per_pass == one.points_per_pass == 8  # of the decoder's device
    assert apart.tensors["embedding"].device.type == "cpu"
    for prompt in PROMPTS.values():
        assert np.array_equal(one.predict(embedding, prompt).logits, other.predict(apart, prompt).logits)


def test_a_device_for_both_is_that_of_all_parts():
    model = make_model()
    place = _Places.find("cpu", None)
    assert place == _Places.find("cpu", "cpu")
    place.move(model)
    assert {weights.device.type for weights in model.parameters()} == {"cpu"}
    assert place.told(2) == "cpu, 2 threads"
    assert _Places(torch.device("cuda", 0), place.decoder).told(1) == "encoder: cuda:0; decoder: cpu, 1 thread"
