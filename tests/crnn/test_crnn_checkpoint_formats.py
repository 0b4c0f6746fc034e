from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.common.errors import UserError
from src.crnn.checkpoint_formats import for_alphabet, mindspore_crnn, naming, published_crnn
from src.crnn.crnn import Crnn

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_crnn.npz"
KINDS = ("classic", "crnn_for_pytorch")


@pytest.mark.parametrize("kind", KINDS)
def test_golden_outputs_are_reproduced(kind, golden_weights, full_network, load):
    image = np.random.RandomState(0).standard_normal((2, 1, 32, 100)).astype(np.float32)
    load(full_network, mindspore_crnn(golden_weights[kind]))
    log_probs = full_network(ms.Tensor(image)).asnumpy()
    expected = np.load(GOLDEN)[kind]
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(log_probs, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_naming_is_recognized_and_network_names_are_met(kind, golden_weights, full_network):
    assert naming(golden_weights[kind]) == kind
    converted = mindspore_crnn(golden_weights[kind])
    assert naming(converted) == "mindspore"
    assert {p.name: tuple(p.shape) for p in full_network.get_parameters()} == {
        name: value.shape for name, value in converted.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_through_a_published_naming(kind, golden_weights):
    ours = mindspore_crnn(golden_weights["classic"])
    published = published_crnn(ours, kind)
    assert {name: value.shape for name, value in published.items()} == {
        name: value.shape for name, value in golden_weights[kind].items()
    }
    back = mindspore_crnn(published)
    assert back.keys() == ours.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(back[name], value)


def test_conversion_does_not_change_its_input(golden_weights):
    before = golden_weights["classic"]["cnn.batchnorm2.running_mean"].copy()
    mindspore_crnn(golden_weights["classic"])
    np.testing.assert_array_equal(golden_weights["classic"]["cnn.batchnorm2.running_mean"], before)


def test_counters_are_ignored_and_differences_are_named(golden_weights):
    weights = dict(golden_weights["classic"])
    weights["cnn.batchnorm2.num_batches_tracked"] = np.array(3)
    mindspore_crnn(weights)
    del weights["cnn.conv3.bias"]
    weights["cnn.conv7.bias"] = np.zeros(3)
    with pytest.raises(UserError, match=r"missing cnn\.conv3\.bias; not understood cnn\.conv7\.bias"):
        mindspore_crnn(weights)


def test_other_weights_are_refused():
    with pytest.raises(UserError, match=r"not CRNN weights.*features\.0\.weight"):
        mindspore_crnn({"features.0.weight": np.zeros((64, 3, 3, 3))})


def test_head_is_left_out_for_another_alphabet(golden_weights):
    ours = mindspore_crnn(golden_weights["classic"])
    same, remade = for_alphabet(ours, 37)
    assert remade == [] and same.keys() == ours.keys()
    body, remade = for_alphabet(ours, 96)
    assert remade == ["rnn.1.embedding.weight", "rnn.1.embedding.bias"]
    assert set(ours) - set(body) == set(remade)
    head = {p.name: tuple(p.shape) for p in Crnn(96).get_parameters() if p.name not in body}
    assert head == {"rnn.1.embedding.weight": (96, 512), "rnn.1.embedding.bias": (96,)}
