/**
 * Which versions of Node the project runs on, read from `engines` in package.json. Kept to syntax that old versions
 * parse, because telling them is its whole purpose.
 */

/**
 * @param {string} text such as `20.19.0`
 * @returns {number[]} major, minor, patch
 */
function parseVersion(text) {
  return text.split('.').map(function toNumber(part) {
    return parseInt(part, 10);
  });
}

/**
 * Whether `version` lies in `range`, of which `^a.b.c` and `>=a.b.c`, joined by `||`, are understood.
 * @param {string} range
 * @param {string} version
 * @returns {boolean}
 */
export function supportsNode(range, version) {
  const have = parseVersion(version);
  return range.split('||').some(function includes(part) {
    const match = /^\s*(\^|>=)(\d+\.\d+\.\d+)\s*$/.exec(part);
    if (match === null) throw new Error('engines.node holds a range that is not understood: ' + part);
    const least = parseVersion(match[2]);
    if (match[1] === '^' && have[0] !== least[0]) return false;
    for (let i = 0; i < 3; i += 1) {
      if (have[i] !== least[i]) return have[i] > least[i];
    }
    return true;
  });
}
