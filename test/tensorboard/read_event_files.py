"""Prints what TensorBoard's own reader finds in the event files of one run, as JSON."""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# 0 keeps all values; by default a sample of them is kept.
reader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
reader.Reload()
tags = reader.Tags()


def scalars(tag):
    return [[event.step, event.value, event.wall_time] for event in reader.Scalars(tag)]


def texts(tag):
    return [[event.step, *(text.decode() for text in event.tensor_proto.string_val)] for event in reader.Tensors(tag)]


found = {
    "scalars": {tag: scalars(tag) for tag in tags["scalars"]},
    "texts": {tag: texts(tag) for tag in tags["tensors"]},
    "plugins": {tag: reader.SummaryMetadata(tag).plugin_data.plugin_name for tag in tags["tensors"]},
}
json.dump(found, sys.stdout)
