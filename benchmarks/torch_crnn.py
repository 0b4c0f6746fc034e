"""The published CRNN in PyTorch, to compare with; written from its description, classic parameter names."""

import torch
from torch import nn

CHANNELS = (1, 64, 128, 256, 256, 512, 512, 512)


class BidirectionalLstm(nn.Module):
    def __init__(self, in_size: int, hidden_size: int, out_size: int):
        super().__init__()
        self.rnn = nn.LSTM(in_size, hidden_size, bidirectional=True)
        self.embedding = nn.Linear(2 * hidden_size, out_size)

    def forward(self, sequence):
        return self.embedding(self.rnn(sequence)[0])


class TorchCrnn(nn.Module):
    """(B, 1, 32, W) -> log-probabilities (T, B, C)."""

    def __init__(self, num_classes: int = 37):
        super().__init__()
        self.cnn = nn.Sequential()
        for i in range(7):
            kernel, padding = (2, 0) if i == 6 else (3, 1)
            self.cnn.add_module(f"conv{i}", nn.Conv2d(CHANNELS[i], CHANNELS[i + 1], kernel, padding=padding))
            if i in {2, 4, 6}:
                self.cnn.add_module(f"batchnorm{i}", nn.BatchNorm2d(CHANNELS[i + 1]))
            self.cnn.add_module(f"relu{i}", nn.ReLU(inplace=True))
            if i in {0, 1}:
                self.cnn.add_module(f"pool{i}", nn.MaxPool2d(2, 2))
            if i in {3, 5}:
                self.cnn.add_module(f"pool{i}", nn.MaxPool2d((2, 2), (2, 1), (0, 1)))
        self.rnn = nn.Sequential(BidirectionalLstm(512, 256, 256), BidirectionalLstm(256, 256, num_classes))

    def forward(self, image):
        features = self.cnn(image)
        return self.rnn(features.squeeze(2).permute(2, 0, 1)).log_softmax(-1)


def train_step(model: TorchCrnn, optimizer, image, labels, lengths) -> float:
    """One fp32 step with PyTorch's own CTC (zero_infinity, mean over the batch)."""
    optimizer.zero_grad(set_to_none=True)
    log_probs = model(image)
    steps = torch.full((image.shape[0],), log_probs.shape[0], dtype=torch.long)
    loss = nn.functional.ctc_loss(log_probs, labels, steps, lengths, zero_infinity=True)
    loss.backward()
    optimizer.step()
    return loss.item()
