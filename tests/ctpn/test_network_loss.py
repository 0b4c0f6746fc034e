"""The CTPN loss against NumPy, its gradient, and a few steps of training from scratch."""

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from src.ctpn.ctpn import Ctpn
from src.ctpn.loss import CtpnLoss
from src.ctpn.proposal_cell import CtpnProposals
from src.ctpn.proposal_generator import generate_proposals

B, H, W, A = 2, 3, 4, 2
N = H * W * A


pytestmark = pytest.mark.usefixtures("graph_mode")


class Maps(ms.nn.Cell):
    """A network whose "image" (B, 6A, H, W) is its score map and its delta map, one after the other."""

    def construct(self, image):
        return image[:, : 2 * A], image[:, 2 * A :]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    return {
        "score_map": 2 * rng.standard_normal((B, 2 * A, H, W)),
        "delta_map": 0.3 * rng.standard_normal((B, 4 * A, H, W)),
        "labels": rng.integers(-1, 2, (B, N)).astype(np.int32),
        "targets": (0.3 * rng.standard_normal((B, N, 4))).astype(np.float32),
        "weights": rng.integers(0, 2, (B, N, 4)).astype(np.float32),
    }


HARD = 3


@pytest.fixture(scope="module")
def loss_and_gradient():
    return run_of(CtpnLoss(Maps(), cls_weight=1.5, reg_weight=2.5))


@pytest.fixture(scope="module")
def hard_loss_and_gradient():
    return run_of(CtpnLoss(Maps(), cls_weight=1.5, reg_weight=2.5, hard_negatives=HARD))


def run_of(loss_cell):
    function = ms.value_and_grad(loss_cell, 0, None, has_aux=True)

    def run(*, score_map, delta_map, labels, targets, weights):
        maps = np.concatenate([score_map, delta_map], axis=1).astype(np.float32)
        batch = (ms.Tensor(array) for array in (maps, labels, targets, weights))
        terms, gradient = function(*batch)
        gradient = gradient.asnumpy()
        return [float(term) for term in terms], [gradient[:, : 2 * A], gradient[:, 2 * A :]]

    return run


def plain_loss(*, score_map, delta_map, labels, targets, weights):
    """Loss and its gradient with respect to the maps, in float64, one anchor after the other."""
    cls = reg = 0.0
    cls_gradient, reg_gradient = np.zeros(score_map.shape), np.zeros(delta_map.shape)
    count = max((labels >= 0).sum(), 1)
    for image in range(B):
        for index in range(N):
            position, anchor = divmod(index, A)
            y, x = divmod(position, W)
            label = labels[image, index]
            if label >= 0:
                logits = score_map[image, 2 * anchor : 2 * anchor + 2, y, x]
                probability = np.exp(logits) / np.exp(logits).sum()
                cls -= np.log(probability[label]) / count
                cls_gradient[image, 2 * anchor : 2 * anchor + 2, y, x] = (probability - np.eye(2)[label]) / count
            for coordinate in range(4):
                weight = weights[image, index, coordinate] / count
                difference = delta_map[image, 4 * anchor + coordinate, y, x] - targets[image, index, coordinate]
                if abs(difference) < 1 / 9:
                    reg += weight * 4.5 * difference**2
                    slope = 9 * difference
                else:
                    reg += weight * (abs(difference) - 1 / 18)
                    slope = np.sign(difference)
                reg_gradient[image, 4 * anchor + coordinate, y, x] = weight * slope
    return [1.5 * cls + 2.5 * reg, cls, reg], [1.5 * cls_gradient, 2.5 * reg_gradient]


def test_loss_and_gradient_equal_numpy(loss_and_gradient, sample):
    terms, gradients = loss_and_gradient(**sample)
    expected_terms, expected_gradients = plain_loss(**sample)
    np.testing.assert_allclose(terms, expected_terms, rtol=1e-5)
    for found, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def without_easy_background(labels, score_map):
    """Labels with all background left out but, of each image, the `HARD` anchors with the largest loss."""
    labels = labels.copy()
    scores = score_map.transpose(0, 2, 3, 1).reshape(B, N, 2)
    surely_text = scores[:, :, 1] - scores[:, :, 0]  # the loss of background grows with it
    for image in range(B):
        background = np.flatnonzero(labels[image] == 0)
        easy = background[np.argsort(surely_text[image, background])][:-HARD]
        labels[image, easy] = -1
    return labels


def test_hard_negatives_count_alone(hard_loss_and_gradient, sample):
    kept = without_easy_background(sample["labels"], sample["score_map"])
    assert ((kept == 0).sum(axis=1) == HARD).all() and ((sample["labels"] == 0).sum(axis=1) > HARD).all()
    terms, gradients = hard_loss_and_gradient(**sample)
    expected_terms, expected_gradients = plain_loss(**{**sample, "labels": kept})
    np.testing.assert_allclose(terms, expected_terms, rtol=1e-5)
    for found, expected in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_fewer_negatives_than_are_hard_all_count(hard_loss_and_gradient, loss_and_gradient, sample):
    labels = sample["labels"].copy()
    for image in range(B):
        labels[image, np.flatnonzero(labels[image] == 0)[HARD - 1 :]] = -1
    few = {**sample, "labels": labels}
    np.testing.assert_allclose(hard_loss_and_gradient(**few)[0], loss_and_gradient(**few)[0], rtol=1e-6)


def test_nothing_sampled_is_zero_and_moves_nothing(loss_and_gradient, sample):
    empty = sample | {"labels": np.full((B, N), -1, np.int32), "weights": np.zeros((B, N, 4), np.float32)}
    terms, gradients = loss_and_gradient(**empty)
    assert terms == [0, 0, 0]
    assert not any(gradient.any() for gradient in gradients)


def test_equal_scores_still_have_a_gradient(loss_and_gradient, sample):
    terms, gradients = loss_and_gradient(**(sample | {"score_map": np.zeros((B, 2 * A, H, W))}))
    assert terms[1] == pytest.approx(np.log(2), rel=1e-5)
    assert np.count_nonzero(gradients[0]) == 2 * (sample["labels"] >= 0).sum()


def test_extreme_scores_stay_finite(loss_and_gradient, sample):
    terms, gradients = loss_and_gradient(**(sample | {"score_map": 1e4 * sample["score_map"]}))
    assert np.isfinite(terms).all() and all(np.isfinite(gradient).all() for gradient in gradients)


def test_the_loss_cell_keeps_the_networks_names():
    loss_cell = CtpnLoss(ms.nn.Dense(2, 2))
    assert [p.name for p in loss_cell.get_parameters()] == ["weight", "bias"]
    assert loss_cell.term_names == ("loss", "rpn_cls", "rpn_reg")


def test_proposals_in_the_graph_equal_those_of_the_host(tmp_path):
    rng = np.random.default_rng(3)
    score_map = 2 * rng.standard_normal((B, 2 * A, H, W))
    delta_map = 0.3 * rng.standard_normal((B, 4 * A, H, W))
    y, x = np.meshgrid(np.arange(H) * 16, np.arange(W) * 16, indexing="ij")
    cell = np.stack([x, y, x, y], axis=-1)[:, :, None]  # H x W x 1 x 4
    anchors = (cell + np.array([[0, 0, 15, 15], [0, -10, 15, 25]])).reshape(-1, 4).astype(np.float32)
    options = {"nms_pre": 20, "nms_threshold": 0.3, "max_num": 15}
    network = CtpnProposals(Maps(), anchors, **options)
    image = ms.Tensor(np.concatenate([score_map, delta_map], axis=1), ms.float32)
    proposals, mask = (output.asnumpy() for output in network(image))
    assert proposals.shape == (B, 15, 5) and mask.dtype == bool
    expected = generate_proposals(score_map, delta_map, anchors, **options)
    for index in range(B):
        assert 0 < mask[index].sum() < 15
        found = proposals[index][mask[index]]
        np.testing.assert_allclose(found[:, :4], expected[index].boxes, atol=1e-4)
        np.testing.assert_allclose(found[:, 4], expected[index].scores, atol=1e-6)

    ms.export(network, image, file_name=str(tmp_path / "proposals"), file_format="MINDIR")
    reloaded = ms.nn.GraphCell(ms.load(str(tmp_path / "proposals.mindir")))
    for found, before in zip(reloaded(image), (proposals, mask), strict=True):
        np.testing.assert_array_equal(found.asnumpy(), before)


@pytest.mark.parametrize("wrong", [{"nms_pre": 3000}, {"nms_pre": 0}, {"max_num": 0}], ids=str)
def test_wrong_proposal_options_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CtpnProposals(Maps(), np.zeros((N, 4)), **wrong)


class Total(ms.nn.Cell):
    def __init__(self, loss_cell):
        super().__init__(auto_prefix=False)
        self.loss_cell = loss_cell

    def construct(self, *batch):
        return self.loss_cell(*batch)[0]


def test_training_from_scratch_learns_where_the_bars_are():
    """Bright bars on noise: after a few steps the network tells their anchors from the others."""
    rng = np.random.default_rng(0)
    size, rows = 64, 4
    image = 0.2 * rng.standard_normal((2, 3, size, size)).astype(np.float32)
    labels = np.zeros((2, rows, rows, 2), np.int32)
    for index, row in enumerate((1, 2)):
        image[index, :, 16 * row : 16 * row + 16, 16:48] += 2
        labels[index, row, 1:3, 0] = 1
    labels = labels.reshape(2, -1)
    targets = np.full((2, labels.shape[1], 4), 0.25, np.float32)
    weights = np.repeat((labels == 1)[..., None], 4, axis=2).astype(np.float32)
    network = Ctpn(width_mult=0.125, num_anchors=2)
    loss_cell = CtpnLoss(network)
    step = ms.nn.TrainOneStepCell(Total(loss_cell), ms.nn.Adam(network.trainable_params(), 3e-3)).set_train()
    batch = [ms.Tensor(array) for array in (image, labels, targets, weights)]
    losses = [float(step(*batch)) for _ in range(25)]
    assert losses[-1] < 0.2 * losses[0], losses[::4]
