/** begins */
export function startCompare(): void {}
