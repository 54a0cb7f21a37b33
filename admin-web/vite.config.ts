// Build, development server and unit tests of the console.
//
// Invariant: the built page works under `default-src 'self'; img-src 'self' data:`,
// so nothing may be inlined as a script and no asset may come from another host.

import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const controlPlane = process.env.BASCULE_URL ?? 'http://127.0.0.1:8081';

export default defineConfig({
  base: '/',
  plugins: [react(), tailwindcss()],
  build: {
    target: 'es2022',
    // The control plane's CSP has no `font-src data:`, so small fonts must stay files.
    assetsInlineLimit: 0,
    // Licences of the bundled packages are listed in the repository; the maps would double the binary.
    sourcemap: false,
    modulePreload: { polyfill: false },
  },
  server: {
    host: '127.0.0.1',
    // `changeOrigin` stays off: the control plane compares Origin with Host on cookie writes.
    proxy: { '/api': { target: controlPlane } },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    unstubGlobals: true,
  },
});
