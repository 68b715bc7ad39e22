"""
One training step of the tutorial's model in PyTorch: Embedding, GRU, Linear, cross-entropy, back-propagation, Adam in
its fused form, which is the fastest it has on a CPU.
"""

import torch

from contestant import milliseconds, ready, serve
from model_files import Job
from torch_model import character_model

job = Job()
torch.set_num_threads(job.threads)

model = character_model(torch, job)
optimizer = torch.optim.Adam(model.parameters(), lr=job.learning_rate, eps=job.epsilon, fused=True)
inputs, targets = (torch.from_numpy(ids).long() for ids in job.windows())
targets = targets.reshape(-1)


def step():
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(model(inputs).reshape(len(targets), -1), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


losses, gradient_norm = [], None
for _ in range(job.warm_up):
    losses.append(step())
    if gradient_norm is None:
        gradient_norm = torch.nn.utils.get_total_norm([one.grad for one in model.parameters()]).item()
facts = {'threads': torch.get_num_threads(), 'gradientNorm': gradient_norm}
ready(f'PyTorch {torch.__version__}', losses, facts)
serve(lambda: milliseconds(step, job.repeats))
