// Sets the theme before anything is painted. A file of its own because the CSP forbids inline scripts, and blocking
// because a chart that starts first would read the other theme's colours. src/theme/theme.ts owns changes afterwards.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem('bascule.theme');
  } catch {
    // Storage may be forbidden; the system's preference is then used.
  }
  const system = matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
  document.documentElement.dataset.theme = stored === 'light' || stored === 'dark' ? stored : system;
})();
