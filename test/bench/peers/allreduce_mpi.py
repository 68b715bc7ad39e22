"""
Open MPI's all-reduce, by mpi4py: the sum, then the division by the number of processes. Started by mpirun; the first
process speaks with contestant.ts. The others look for its word every millisecond and sleep in between, because a
process that waits inside Open MPI keeps a core busy.
"""

import json
import sys
import time

import numpy
from mpi4py import MPI

from contestant import ready, serve

job = json.loads(sys.argv[1])
world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
values, repeats = job['values'], job['repeats']
assert size == job['workers'], f'{size} processes instead of {job["workers"]}'
vector, result = numpy.ones(values, dtype=numpy.float32), numpy.empty(values, dtype=numpy.float32)


def measure():
    total = 0.0
    for _ in range(repeats):
        world.Barrier()
        start = time.perf_counter()
        world.Allreduce(vector, result, op=MPI.SUM)
        numpy.divide(result, numpy.float32(size), out=result)
        # Until the last of them has it, as the other contestants count.
        world.Barrier()
        total += time.perf_counter() - start
    assert result[-1] == 1
    return total * 1000 / repeats


def tell(goes_on):
    for other in range(1, size):
        world.send(goes_on, dest=other)


def led():
    tell(True)
    return measure()


if rank == 0:
    for _ in range(3):
        led()
    ready(MPI.Get_library_version().split(',')[0])
    serve(led)
    tell(False)
else:
    while True:
        while not world.iprobe(source=0):
            time.sleep(0.001)
        if not world.recv(source=0):
            break
        measure()
