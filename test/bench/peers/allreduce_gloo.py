"""
Gloo's all-reduce over TCP on the loopback, by torch.distributed: the sum, then the division by the number of processes.
The first process speaks with contestant.ts and starts the others, which wait for its word between measurements.
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

job = json.loads(sys.argv[1])
rank = int(sys.argv[2]) if len(sys.argv) > 2 else 0
world, values, repeats = job['workers'], job['values'], job['repeats']
torch.set_num_threads(1)
if rank == 0:
    others = [subprocess.Popen([sys.executable, __file__, sys.argv[1], str(other)], stdin=subprocess.DEVNULL)
              for other in range(1, world)]
dist.init_process_group('gloo', init_method='file://' + job['meeting'], rank=rank, world_size=world,
                        timeout=datetime.timedelta(hours=2))
vector = torch.ones(values)


def measure():
    total = 0.0
    for _ in range(repeats):
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(vector)
        vector.div_(world)
        # Until the last of them has it, as the other contestants count.
        dist.barrier()
        total += time.perf_counter() - start
    assert vector[-1] == 1
    return total * 1000 / repeats


def led(goes_on):
    """One measurement by all processes, or the end."""
    word = torch.tensor([1 if goes_on else 0])
    dist.broadcast(word, src=0)
    return measure() if word.item() == 1 else None


if rank == 0:
    for _ in range(3):
        led(True)
    ready(f'Gloo of PyTorch {torch.__version__}')
    serve(lambda: led(True))
    led(False)
    for other in others:
        other.wait()
else:
    while led(True) is not None:
        pass
