"""
The tutorial's model by PyTorch's DistributedDataParallel over Gloo on the loopback: each process computes its rows of
the batch with one thread, gradients are averaged in buckets while the rest is still being computed. The first process
speaks with contestant.ts and starts the others, which wait for its word between measurements.
"""

import datetime
import json
import os
import subprocess
import sys
import time

os.environ['GLOO_SOCKET_IFNAME'] = 'lo'

import torch
import torch.distributed as dist

from contestant import ready, serve
from model_files import Job
from torch_model import character_model

job = Job()
world, meeting = job.extra['workers'], job.extra['meeting']
rank = int(sys.argv[2]) if len(sys.argv) > 2 else 0
torch.set_num_threads(job.threads)
if rank == 0:
    others = [subprocess.Popen([sys.executable, __file__, sys.argv[1], str(other)], stdin=subprocess.DEVNULL)
              for other in range(1, world)]
dist.init_process_group('gloo', init_method='file://' + meeting, rank=rank, world_size=world,
                        timeout=datetime.timedelta(hours=2))
model = torch.nn.parallel.DistributedDataParallel(character_model(torch, job), gradient_as_bucket_view=True)
optimizer = torch.optim.Adam(model.parameters(), lr=job.learning_rate, eps=job.epsilon, fused=True)
share = job.rows // world
rows = slice(rank * share, (rank + 1) * share)
inputs, targets = (torch.from_numpy(ids[rows]).long() for ids in job.windows())
targets = targets.reshape(-1)


def step():
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(inputs).reshape(len(targets), -1), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def rate():
    """Characters a second of all processes together."""
    dist.barrier()
    start = time.perf_counter()
    for _ in range(job.repeats):
        step()
    dist.barrier()
    return job.repeats * job.rows * job.length / (time.perf_counter() - start)


def led(goes_on):
    """One measurement by all processes, or the end."""
    word = torch.tensor([1 if goes_on else 0])
    dist.broadcast(word, src=0)
    return rate() if word.item() == 1 else None


losses = []
for _ in range(job.warm_up):
    mean = torch.tensor([step() / world])
    dist.all_reduce(mean)
    losses.append(mean.item())
if rank == 0:
    ready(f'PyTorch {torch.__version__}, DDP over Gloo, {world} x {job.threads} thread', losses)
    serve(lambda: led(True))
    led(False)
    for other in others:
        other.wait()
else:
    while led(True) is not None:
        pass
