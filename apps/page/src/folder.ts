/** Where this package lies: the server finds the files for the browser below it. */
export const PAGE_FOLDER = new URL('../', import.meta.url);
