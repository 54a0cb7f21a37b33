// The checks themselves: one line per promise on stdout, and a failure that stops the run.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let passed = 0;

export async function promise(title, check) {
  try {
    await check();
  } catch (error) {
    console.error(`not ok - ${title}`);
    throw error;
  }
  passed += 1;
  console.log(`ok - ${title}`);
}

export function closingLine() {
  return `e2e: ${passed} checks passed, 0 failed`;
}

/** axe must find nothing. It runs through the debugger, so the page's CSP stays as strict as it is. */
export async function accessible(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async (values) => {
    const { violations: found } = await globalThis.axe.run(document, { runOnly: { type: 'tag', values } });
    return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  }, RULES);
  assert.deepEqual(violations, []);
}

export async function theme(page, wanted) {
  const toggle = page.getByRole('button', { name: `Switch to the ${wanted} theme` });
  if (await toggle.isVisible()) await toggle.click();
  assert.equal(await page.locator('html').getAttribute('data-theme'), wanted);
}

const WIDTHS = [1440, 1024, 390];

/** The page at every width in both themes; nothing may need a sideways scroll. */
export async function portraits(page, directory, name) {
  for (const wanted of ['dark', 'light']) {
    await theme(page, wanted);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(() => scrollTo(0, 0));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name} at ${width} px is ${overflow} px too wide`);
      if (directory) {
        // One frame for the chart to take its new width.
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        await page.screenshot({ path: join(directory, `${name}-${wanted}-${width}.png`), fullPage: true });
      }
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await theme(page, 'dark');
}
