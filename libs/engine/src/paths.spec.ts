import { describe, expect, it } from 'vitest';

import { ONEDNN_BUILD, tensorflowBuild } from './builds.js';
import { buildFolder, buildName, cacheFolder } from './paths.js';

const [CPU, GPU] = [tensorflowBuild(false), tensorflowBuild(true)];

describe('cacheFolder', () => {
  it('takes LOCKSTEP_CACHE before everything else', () => {
    const environment = { LOCKSTEP_CACHE: '/big/disk', XDG_CACHE_HOME: '/xdg' };
    expect(cacheFolder(environment, 'linux', '/home/ada')).toBe('/big/disk');
  });

  it('makes a relative LOCKSTEP_CACHE absolute, so that a later chdir does not move it', () => {
    expect(cacheFolder({ LOCKSTEP_CACHE: 'cache' }, 'linux', '/home/ada')).toBe(`${process.cwd()}/cache`);
  });

  it('takes an absolute XDG_CACHE_HOME and ignores a relative or empty one', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/xdg' }, 'linux', '/home/ada')).toBe('/xdg/lockstep');
    expect(cacheFolder({ XDG_CACHE_HOME: 'xdg' }, 'linux', '/home/ada')).toBe('/home/ada/.cache/lockstep');
    const empty = { XDG_CACHE_HOME: '', LOCKSTEP_CACHE: '' };
    expect(cacheFolder(empty, 'linux', '/home/ada')).toBe('/home/ada/.cache/lockstep');
  });

  it('follows the custom of macOS', () => {
    expect(cacheFolder({}, 'darwin', '/Users/ada')).toBe('/Users/ada/Library/Caches/lockstep');
  });
});

describe('buildName', () => {
  it('names everything that defines a build', () => {
    expect(buildName(CPU, 'linux', 'x64')).toBe('tensorflow-2.21.0-cpu-tfjs-4.22.0-linux-x64-r2');
    expect(buildName(ONEDNN_BUILD, 'linux', 'x64')).toBe('onednn-3.2.0-linux-x64-r1');
  });

  it('differs between devices, platforms and processors', () => {
    const names = [
      buildName(CPU, 'linux', 'x64'),
      buildName(GPU, 'linux', 'x64'),
      buildName(CPU, 'linux', 'arm64'),
      buildName(CPU, 'darwin', 'arm64'),
    ];
    expect(new Set(names).size).toBe(names.length);
  });

  it('lies below the cache folder', () => {
    expect(buildFolder('/cache', CPU)).toBe(`/cache/engines/${buildName(CPU)}`);
  });
});
