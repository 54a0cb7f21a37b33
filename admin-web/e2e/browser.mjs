// Starts Chromium so that nothing of an earlier run and nothing outside this machine can take part.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser context with an empty profile; `close` also removes the profile. */
export async function openBrowser() {
  const profile = await mkdtemp(join(tmpdir(), 'bascule-console-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.BASCULE_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ARGS,
    viewport: { width: 1440, height: 900 },
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(15_000);
  const close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  return { context, close };
}

/** Notes what the page asked for elsewhere, and every error that it raised. */
export function watch(page, origin) {
  const seen = { external: [], errors: [] };
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.origin !== origin) seen.external.push(request.url());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('console', (message) => {
    // A refused policy is an error of the page; a refused sign-in is what the test asked for.
    if (message.type() === 'error' && !/status of 401/.test(message.text())) seen.errors.push(message.text());
  });
  return seen;
}
