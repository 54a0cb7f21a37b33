// `npm run e2e`: the story against a running `bascule dev`. Needs BASCULE_CONSOLE_URL, a setup link; writes screenshots
// to BASCULE_E2E_SHOTS when it is set.

import { mkdir } from 'node:fs/promises';
import { openBrowser, watch } from './browser.mjs';
import { closingLine } from './checks.mjs';
import { story } from './story.mjs';

const link = process.env.BASCULE_CONSOLE_URL;
if (!link) {
  console.error('BASCULE_CONSOLE_URL must hold a setup link: http://127.0.0.1:8081/?setup=…');
  process.exit(2);
}
const shots = process.env.BASCULE_E2E_SHOTS;
if (shots) await mkdir(shots, { recursive: true });
const { context, close } = await openBrowser();
try {
  const page = context.pages()[0] ?? (await context.newPage());
  const seen = watch(page, new URL(link).origin);
  await story({ context, page, seen, link, shots });
  console.log(closingLine());
} finally {
  await close();
}
