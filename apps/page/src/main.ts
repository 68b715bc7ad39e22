/** Where the browser begins: the page says which it is. */
const page = document.body.dataset['page'];
if (page === 'compare') await (await import('./browser/compare.js')).startCompare();
else (await import('./browser/live.js')).startLive();
