/** Light or dark: as the system has it, unless the reader has chosen. */
import { find, setText } from './dom.js';

const CHOICES = ['auto', 'light', 'dark'] as const;
type Choice = (typeof CHOICES)[number];
const KEY = 'lockstep-theme';

/** @param onChange called when colours are other ones than before */
export function followTheme(onChange: () => void): void {
  const button = find('theme');
  let choice = remembered();
  const show = (): void => {
    if (choice === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = choice;
    setText(button, `Theme: ${choice}`);
    onChange();
  };
  button.addEventListener('click', () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? 'auto';
    remember(choice);
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
  show();
}

/** A colour of the style sheet as the canvas understands it. */
export function colour(name: string): string {
  const probe = find('colour-probe');
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

/** A browser may keep nothing; then the choice lasts as long as the page. */
function remembered(): Choice {
  try {
    const kept = localStorage.getItem(KEY);
    return CHOICES.find((one) => one === kept) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function remember(choice: Choice): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Nothing can be kept here.
  }
}
