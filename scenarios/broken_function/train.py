"""A training step with a Function of one's own, whose way back is wrong. `bpdebug trace train.py` names it.

The numbers are those of the lesson beside it, which needs no PyTorch.
"""

import torch


class Gate(torch.autograd.Function):
    """What is above 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * x  # where x > 0 was meant


class Net(torch.nn.Module):
    """Two layers with the gate between them."""

    def __init__(self):
        super().__init__()
        self.U = torch.nn.Parameter(torch.tensor([[1.0, -1, 2, 0], [1, 1, 1, -2]]))
        self.V = torch.nn.Parameter(torch.tensor([[1.0], [2], [-1], [1]]))

    def forward(self, X):
        return Gate.apply(X @ self.U) @ self.V


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
X = torch.tensor([[1.0, 2], [2, -1], [-2, 1]])
T = torch.tensor([[0.0], [1], [4]])
for _ in range(3):
    optimizer.zero_grad()
    loss = ((net(X) - T) ** 2).sum() / 2
    loss.backward()
    optimizer.step()
