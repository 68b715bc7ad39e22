"""
One training step of TensorFlow's text generation tutorial: its model (Embedding, GRU with sequences and state, Dense),
loss and optimizer, as one compiled train function. Weights come in PyTorch's order: gates r, z, n become z, r, h.
"""

import os

os.environ['KERAS_BACKEND'] = 'tensorflow'
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import keras
import numpy
import tensorflow as tf

from contestant import milliseconds, ready, serve
from model_files import Job

job = Job()
tf.config.threading.set_intra_op_parallelism_threads(job.threads)
tf.config.threading.set_inter_op_parallelism_threads(job.threads)


class TutorialModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(job.vocabulary, job.embedding)
        self.gru = keras.layers.GRU(job.units, return_sequences=True, return_state=True)
        self.dense = keras.layers.Dense(job.vocabulary)

    def call(self, ids, training=False):
        sequences, _ = self.gru(self.embedding(ids), training=training)
        return self.dense(sequences)


def keras_gates(tensor):
    r, z, n = numpy.split(tensor, 3)
    return numpy.concatenate([z, r, n])


inputs, targets = (tf.constant(ids) for ids in job.windows())
model = TutorialModel()
model(inputs[:1, :1])
embedding, weight_ih, weight_hh, bias_ih, bias_hh, dense_weight, dense_bias = job.weights()
model.embedding.set_weights([embedding])
model.gru.set_weights(
    [
        keras_gates(weight_ih).T,
        keras_gates(weight_hh).T,
        numpy.stack([keras_gates(bias_ih), keras_gates(bias_hh)]),
    ]
)
model.dense.set_weights([dense_weight.T, dense_bias])
loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(learning_rate=job.learning_rate, epsilon=job.epsilon)


@tf.function
def train(ids, wanted):
    with tf.GradientTape() as tape:
        loss = loss_of(wanted, model(ids, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


def step():
    return float(train(inputs, targets))


losses = [step() for _ in range(job.warm_up)]
facts = {'threads': tf.config.threading.get_intra_op_parallelism_threads()}
ready(f'Keras {keras.__version__} on TensorFlow {tf.__version__}', losses, facts)
serve(lambda: milliseconds(step, job.repeats))
