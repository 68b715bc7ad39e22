"""
The recipe of TensorFlow's text generation tutorial (its data pipeline, model, loss, optimizer and fit), until the mean
loss of the last steps is low enough. Says `ready` then; whoever started it has the clock.
"""

import collections
import json
import os
import sys

os.environ['KERAS_BACKEND'] = 'tensorflow'
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import keras
import tensorflow as tf

from contestant import ready

goal = json.loads(sys.argv[1])
tf.config.threading.set_intra_op_parallelism_threads(goal['threads'])
tf.config.threading.set_inter_op_parallelism_threads(goal['threads'])
SEQUENCE_LENGTH, BATCH_SIZE, BUFFER_SIZE, EMBEDDING, UNITS = 100, 64, 10000, 256, 1024

text = open(goal['text'], 'rb').read().decode('utf-8')
ids_of = keras.layers.StringLookup(vocabulary=sorted(set(text)), mask_token=None)
ids = ids_of(tf.strings.unicode_split(text, 'UTF-8'))
sequences = tf.data.Dataset.from_tensor_slices(ids).batch(SEQUENCE_LENGTH + 1, drop_remainder=True)
dataset = (
    sequences.map(lambda one: (one[:-1], one[1:]))
    .shuffle(BUFFER_SIZE)
    .batch(BATCH_SIZE, drop_remainder=True)
    .prefetch(tf.data.experimental.AUTOTUNE)
)


class TutorialModel(keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(len(ids_of.get_vocabulary()), EMBEDDING)
        self.gru = keras.layers.GRU(UNITS, return_sequences=True, return_state=True)
        self.dense = keras.layers.Dense(len(ids_of.get_vocabulary()))

    def call(self, inputs, states=None, training=False):
        sequences, states = self.gru(self.embedding(inputs), initial_state=states, training=training)
        return self.dense(sequences)


class Reached(Exception):
    pass


class Goal(keras.callbacks.Callback):
    """Keras tells the mean over the epoch so far; the loss of each step follows from two of them."""

    def __init__(self):
        super().__init__()
        self.last = collections.deque(maxlen=goal['window'])
        self.sum = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.sum = 0.0

    def on_train_batch_end(self, batch, logs=None):
        total = logs['loss'] * (batch + 1)
        self.last.append(total - self.sum)
        self.sum = total
        if len(self.last) == goal['window'] and sum(self.last) / goal['window'] < goal['loss']:
            raise Reached


model = TutorialModel()
model.compile(optimizer='adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
try:
    model.fit(dataset, epochs=goal['epochs'], callbacks=[Goal()], verbose=0)
except Reached:
    ready(f'Keras {keras.__version__} on TensorFlow {tf.__version__}')
    sys.exit(0)
sys.exit(f'{goal["epochs"]} epochs were not enough')
