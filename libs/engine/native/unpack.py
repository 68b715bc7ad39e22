"""Takes out of the wheels of oneDNN, of TensorFlow and of CUDA beside it only what an engine needs.

Usage: unpack.py WHEEL_FOLDER LIBRARY_FOLDER HEADER_FOLDER
Shared libraries of TensorFlow keep their path in the wheel, because TensorFlow looks for those of CUDA in `../nvidia/*/lib` beside
its own folder; headers keep their path below the wheel's include folder. zipfile checks the CRC of everything it
reads. Prints the path of each library, one a line.
"""

import os
import shutil
import sys
import zipfile

LIBRARIES = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
ONEDNN = ('onednn_cpu_gomp-2023.2.0.data/data/lib/', 'libdnnl.so.3.2')
INCLUDE = 'tensorflow/include/'
HEADERS = (
    'tensorflow/c/',
    'tensorflow/core/platform/ctstring',
    'tsl/platform/ctstring',
    'xla/tsl/c/',
    'absl/',
)


def is_cuda_library(name):
    parts = name.split('/')
    if len(parts) != 4 or not parts[1].isidentifier():
        return False
    return parts[0] == 'nvidia' and parts[2] == 'lib' and '.so' in parts[3]


def is_header(name):
    return name.startswith(tuple(INCLUDE + prefix for prefix in HEADERS)) and name.endswith(('.h', '.inc'))


def copy(archive, entry, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(entry) as source, open(path, 'wb') as target:
        shutil.copyfileobj(source, target, 1 << 20)


def main(wheels, libraries, headers):
    for wheel in sorted(os.listdir(wheels)):
        with zipfile.ZipFile(os.path.join(wheels, wheel)) as archive:
            for entry in archive.infolist():
                name = entry.filename
                if name == ''.join(ONEDNN):
                    copy(archive, entry, os.path.join(libraries, ONEDNN[1]))
                    print(ONEDNN[1], flush=True)
                elif name in LIBRARIES or is_cuda_library(name):
                    copy(archive, entry, os.path.join(libraries, *name.split('/')))
                    print(name, flush=True)
                elif is_header(name):
                    copy(archive, entry, os.path.join(headers, *name[len(INCLUDE):].split('/')))


if __name__ == '__main__':
    main(*sys.argv[1:])
