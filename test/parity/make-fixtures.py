"""
Golden numbers from PyTorch for the parity suite: `python test/parity/make-fixtures.py` rewrites the files in
fixtures/ beside it.

Each case is one batch through torch.nn.Embedding, GRU and Linear in float64 on the CPU, with weights that float32
holds exactly. A file holds the weights, the ids, the sum of the losses in nats, the gradient of that sum, and the
weights after three torch.optim.Adam steps on the MEAN loss of the same batch. Vectors are flat, tensors in state-dict
order, base64 of little-endian numbers. Needs torch (any 2.x) and nothing else; the version that made a file is named
in it.
"""

import base64
import json
import pathlib
import struct

import torch

ADAM = {'learningRate': 1e-3, 'beta1': 0.9, 'beta2': 0.999, 'epsilon': 1e-7, 'steps': 3}

# name: vocabulary V, embedding E, units H, rows B, sequence length T. The library runs small vocabularies (2V <= 3E)
# and large ones in two different ways; both are here, and so are sizes that no vector width divides.
CASES = {
    'ordinary': (20, 16, 32, 4, 9),
    'ordinary-large-vocabulary': (40, 16, 16, 4, 8),
    'one-step': (9, 8, 6, 5, 1),
    'one-row': (9, 4, 6, 1, 11),
    'one-row-one-step': (6, 5, 3, 1, 1),
    'odd-sizes': (13, 5, 9, 7, 13),
    'two-ids': (2, 3, 5, 3, 6),
    'wide-embedding': (10, 21, 5, 3, 7),
    'narrow-embedding': (10, 3, 18, 3, 7),
}


class CharacterModel(torch.nn.Module):
    def __init__(self, vocabulary, embedding, units):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, embedding)
        self.gru = torch.nn.GRU(embedding, units, batch_first=True)
        self.dense = torch.nn.Linear(units, vocabulary)

    def loss_sum(self, windows):
        logits = self.dense(self.gru(self.embedding(windows[:, :-1]))[0])
        targets = windows[:, 1:].reshape(-1)
        return torch.nn.functional.cross_entropy(logits.reshape(len(targets), -1), targets, reduction='sum')


def encoded(tensors, code):
    values = torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).tolist()
    return base64.b64encode(struct.pack(f'<{len(values)}{code}', *values)).decode()


def make_case(seed, vocabulary, embedding, units, rows, sequence_length):
    torch.manual_seed(seed)
    model = CharacterModel(vocabulary, embedding, units).double()
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_((torch.randn_like(parameter) * 0.4).float().double())
    windows = torch.randint(vocabulary, (rows, sequence_length + 1))
    characters = rows * sequence_length
    weights = encoded(parameters, 'f')

    loss = model.loss_sum(windows)
    gradient = torch.autograd.grad(loss, parameters)

    optimizer = torch.optim.Adam(
        parameters, lr=ADAM['learningRate'], betas=(ADAM['beta1'], ADAM['beta2']), eps=ADAM['epsilon']
    )
    for _ in range(ADAM['steps']):
        optimizer.zero_grad()
        (model.loss_sum(windows) / characters).backward()
        optimizer.step()

    return {
        'madeBy': f'torch {torch.__version__}',
        'shape': {'vocabularySize': vocabulary, 'embedding': embedding, 'units': units},
        'rows': rows,
        'sequenceLength': sequence_length,
        'adam': ADAM,
        'tensors': [[name, list(parameter.shape)] for name, parameter in model.named_parameters()],
        'ids': windows.reshape(-1).tolist(),
        'lossSum': loss.item(),
        'characters': characters,
        'weightsFloat32': weights,
        'gradientFloat64': encoded(gradient, 'd'),
        'weightsAfterAdamFloat64': encoded(parameters, 'd'),
    }


def main():
    folder = pathlib.Path(__file__).parent / 'fixtures'
    folder.mkdir(exist_ok=True)
    for seed, (name, sizes) in enumerate(CASES.items()):
        fields = (f'  {json.dumps(key)}: {json.dumps(value)}' for key, value in make_case(seed, *sizes).items())
        text = '{\n' + ',\n'.join(fields) + '\n}\n'
        (folder / f'{name}.json').write_text(text)
        print(f'{name}.json {len(text)} bytes')


main()
