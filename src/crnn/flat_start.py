"""Flat start: a loss that teaches letters before CTC, as if all characters of a word were equally wide.

CTC begins with a long plateau: until the features distinguish letters, predicting blanks everywhere is best,
and while everything is blank the features learn little. Hidden Markov models of speech start from an alignment in
equal parts instead (the "flat start" of HTK and Kaldi). On words of a few characters that fill the image it is
nearly right, and the cross-entropy of every time step is a far stronger signal than the probability of the word.

Shapes: T time steps, B batch, C classes (0 is the blank), L width of the padded label array.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops


class FlatStartLoss(nn.Cell):
    """Cross-entropy of each time step with the character that lies there if all are equally wide.

    Time step t of T belongs to character floor((t + 0.5) / T * length). An empty label has blanks as targets.

    Inputs:
        log_probs (T, B, C) float32.
        labels (B, L) int32, padded with 0.
        label_lengths (B,) int32.

    Outputs:
        The mean over B and T, a float32 scalar.
    """

    def construct(self, log_probs: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
        num_steps, _, num_classes = log_probs.shape
        place = (ops.arange(num_steps).astype(ms.float32) + 0.5) / num_steps  # (T,)
        character = (place.expand_dims(0) * label_lengths.expand_dims(1).astype(ms.float32)).astype(ms.int32)
        targets = ops.gather_elements(labels, 1, character)  # (B, T)
        wanted = ops.one_hot(targets.T, num_classes, ops.ones((), ms.float32), ops.zeros((), ms.float32))
        return -(log_probs * wanted).sum(axis=-1).mean()
