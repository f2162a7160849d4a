"""A network that is scripted: it sees the things that a test puts in front of it."""

import numpy as np

from samui.everything import Parameters, stream
from tests.fakes import LOW, FakePredictor

HEIGHT, WIDTH = 120, 160


class Things(FakePredictor):
    """Sees things: (box in the model's square, predicted IoU, logit inside). A click on a thing proposes it thrice,
    with falling scores; a click beside all of them proposes nothing with a score of 0."""

    def __init__(self, *things):
        super().__init__()
        self.things = things
        self.passes = []

    def predict_points(self, embedding, points):
        self.passes.append(len(points))
        logits = np.full((len(points), 3, LOW, LOW), -20, np.float32)
        scores = np.zeros((len(points), 3), np.float32)
        for i, (x, y) in enumerate(embedding.frame.to_model(points)):
            for (x0, y0, x1, y1), score, inside in self.things:
                if x0 <= x < x1 and y0 <= y < y1:
                    logits[i, :, y0:y1, x0:x1] = inside
                    scores[i] = score, score - 0.05, score - 0.1
        return logits, scores


LEFT, RIGHT = (8, 16, 100, 180), (140, 16, 240, 180)


IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def run(predictor, **parameters):
    return list(stream(predictor, IMAGE, Parameters(**({"points_per_side": 8} | parameters))))


def spot(size, *boxes):
    mask = np.zeros(size, np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] ^= True
    return mask
