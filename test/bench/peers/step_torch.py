"""
One training step of the tutorial's model in PyTorch: Embedding, GRU, Linear, cross-entropy, back-propagation, Adam in
its fused form, which is the fastest it has on a CPU.
"""

import torch

from contestant import milliseconds, ready, serve
from model_files import Job

job = Job()
torch.set_num_threads(job.threads)


class CharacterModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(job.vocabulary, job.embedding)
        self.gru = torch.nn.GRU(job.embedding, job.units, batch_first=True)
        self.dense = torch.nn.Linear(job.units, job.vocabulary)

    def forward(self, ids):
        return self.dense(self.gru(self.embedding(ids))[0])


model = CharacterModel()
with torch.no_grad():
    for parameter, values in zip(model.parameters(), job.weights(), strict=True):
        parameter.copy_(torch.from_numpy(values))
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
