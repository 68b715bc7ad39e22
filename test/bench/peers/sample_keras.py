"""
Sampling as TensorFlow's text generation tutorial does it: its OneStep model, a compiled function called once for each
character, with characters as strings, the mask of the unknown one, and the state passed along.
"""

import os

os.environ['KERAS_BACKEND'] = 'tensorflow'
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import time

import keras
import tensorflow as tf

from contestant import ready, serve
from model_files import Job

job = Job()
tf.config.threading.set_intra_op_parallelism_threads(job.threads)
tf.config.threading.set_inter_op_parallelism_threads(job.threads)
characters = [chr(ord('0') + index) for index in range(job.vocabulary - 1)]
ids_of = keras.layers.StringLookup(vocabulary=characters, mask_token=None)
characters_of = keras.layers.StringLookup(vocabulary=ids_of.get_vocabulary(), invert=True, mask_token=None)


class TutorialModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(job.vocabulary, job.embedding)
        self.gru = keras.layers.GRU(job.units, return_sequences=True, return_state=True)
        self.dense = keras.layers.Dense(job.vocabulary)

    def call(self, ids, states=None, training=False):
        sequences, states = self.gru(self.embedding(ids, training=training), initial_state=states, training=training)
        return self.dense(sequences, training=training), states


class OneStep(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.model = model
        skipped = ids_of(['[UNK]'])[:, None]
        self.mask = tf.sparse.to_dense(
            tf.SparseTensor(values=[-float('inf')] * len(skipped), indices=skipped, dense_shape=[job.vocabulary])
        )

    @tf.function
    def generate_one_step(self, inputs, states):
        ids = ids_of(tf.strings.unicode_split(inputs, 'UTF-8')).to_tensor()
        logits, states = self.model(ids, states=states)
        picked = tf.random.categorical(logits[:, -1, :] + self.mask, num_samples=1)
        return characters_of(tf.squeeze(picked, axis=-1)), states


one_step = OneStep(TutorialModel())


def sample(count):
    """Characters a second."""
    states, character = tf.zeros([1, job.units]), tf.constant(['0'])
    start = time.perf_counter()
    for _ in range(count):
        character, states = one_step.generate_one_step(character, states)
    character.numpy()
    return count / (time.perf_counter() - start)


sample(50)
ready(f'Keras {keras.__version__} on TensorFlow {tf.__version__}')
serve(lambda: sample(job.repeats))
