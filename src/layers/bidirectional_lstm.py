"""The LSTM of both networks, over time in both directions.

Shapes: T time steps, B batch, I inputs, H hidden size.
"""

import mindspore as ms
from mindspore import Tensor, nn, ops


class BidirectionalLstm(nn.LSTM):
    """One layer with zeros for its first state: (T, B, I) -> (T, B, 2H), forward then backward.

    Parameters are those of `nn.LSTM(I, H, bidirectional=True)`, whose outputs it has. That cell calls the operator
    twice and reverses the sequence three times; on CPU the operator does both directions in one call, which takes
    about half the time. I must be at least H.
    """

    def __init__(self, in_size: int, hidden_size: int):
        super().__init__(in_size, hidden_size, bidirectional=True)
        if in_size < hidden_size:
            raise ValueError(f"hidden_size {hidden_size}: at most the {in_size} inputs")
        self.in_one_call = ms.get_context("device_target") == "CPU"
        self.both_directions = ops.LSTM(in_size, hidden_size, 1, True, True, 0.0)

    def construct(self, sequence: Tensor) -> Tensor:
        # Zeros computed from the input leave the batch of an exported graph free.
        state = ops.stop_gradient(sequence[:1, :, : self.hidden_size]) * 0.0
        state = ops.concat((state, state))  # (2 directions, B, H)
        if self.in_one_call:
            return self.both_directions(sequence, state, state, self.packed_weights())[0]
        return super().construct(sequence, (state, state))[0]

    def packed_weights(self) -> Tensor:
        """Everything as the operator wants it: (N, 1, 1), each kind in both directions, the two biases summed."""
        biases = [self.b_ih_list[i] + self.b_hh_list[i] for i in range(2)]
        parts = [*self.w_ih_list, *self.w_hh_list, *biases]
        return ops.concat([part.reshape(-1) for part in parts]).reshape(-1, 1, 1)
