/** Making and finding elements. Text is always set as text: nothing that a peer has sent becomes markup. */

type Child = Node | string;

/** @param attributes by name; what is undefined is left out */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An element that the page's HTML has. */
export function find(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/** Changes a text only where it is another one, so that a reader does not lose its place. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Replaces all rows of the body of a table. */
export function setRows(table: HTMLElement, rows: readonly HTMLTableRowElement[]): void {
  const body = table.querySelector('tbody');
  body?.replaceChildren(...rows);
}

export function row(head: Child, ...cells: readonly Child[]): HTMLTableRowElement {
  return make('tr', {}, make('th', { scope: 'row' }, head), ...cells.map((cell) => make('td', {}, cell)));
}

/** Whether what was made from this value last is still right; remembers the value. */
export function isSameAsBefore(element: HTMLElement, value: unknown): boolean {
  const text = JSON.stringify(value);
  if (shown.get(element) === text) return true;
  shown.set(element, text);
  return false;
}

const shown = new WeakMap<HTMLElement, string>();
