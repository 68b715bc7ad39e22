"""
What all contestants start from, as raw little-endian files: weights in the order of PyTorch's state dict, and a batch
of windows of T + 1 ids.
"""

import json
import sys

import numpy


class Job:
    def __init__(self):
        job = json.loads(sys.argv[1])
        self.vocabulary, self.embedding, self.units = job['vocabularySize'], job['embedding'], job['units']
        self.rows, self.length = job['rows'], job['sequenceLength']
        self.threads, self.repeats, self.warm_up = job['threads'], job['repeats'], job['warmUp']
        self.learning_rate, self.epsilon = job['learningRate'], job['epsilon']
        self.extra = job
        self.weights_file, self.ids_file = job['weightsFile'], job['idsFile']

    def windows(self):
        """Inputs and targets, both [rows, T]."""
        ids = numpy.fromfile(self.ids_file, dtype='<i4').reshape(self.rows, self.length + 1)
        return ids[:, :-1].copy(), ids[:, 1:].copy()

    def weights(self):
        """The tensors in layout order, in PyTorch's shapes."""
        v, e, h = self.vocabulary, self.embedding, self.units
        flat = numpy.fromfile(self.weights_file, dtype='<f4')
        shapes = [(v, e), (3 * h, e), (3 * h, h), (3 * h,), (3 * h,), (v, h), (v,)]
        tensors, offset = [], 0
        for shape in shapes:
            length = int(numpy.prod(shape))
            tensors.append(flat[offset : offset + length].reshape(shape))
            offset += length
        assert offset == len(flat), f'{len(flat)} weights for a model of {offset}'
        return tensors
