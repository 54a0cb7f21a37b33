// Owns the chosen theme after start-up; public/theme.js owns it before.
//
// Invariant: `data-theme` changes synchronously with the choice, never in an effect: children's effects run before
// their parents', and a chart would repaint with the old colours.

export type Theme = 'light' | 'dark';

const KEY = 'bascule.theme';
const listeners = new Set<() => void>();

export function currentTheme(): Theme {
  return document.documentElement.dataset.theme === 'light' ? 'light' : 'dark';
}

export function chooseTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Private windows may forbid storage; the choice then lives as long as the page.
  }
  for (const notify of listeners) notify();
}

export function subscribeTheme(notify: () => void): () => void {
  listeners.add(notify);
  return () => listeners.delete(notify);
}
