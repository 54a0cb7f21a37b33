// What a person does with the console, against any control plane that serves it.
//
// `link` is a setup link; it is used up.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { accessible, portraits, promise, theme } from './checks.mjs';

export async function story({ context, page, seen, link, shots }) {
  const { origin } = new URL(link);
  const node = () => page.getByRole('table', { name: 'Nodes of the cluster' }).locator('tbody tr').first();

  await promise('without a session every page leads to the sign-in', async () => {
    await page.goto(`${origin}/?q=ping`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
  await promise('a wrong token is refused with a reason', async () => {
    await page.getByLabel('Admin token').fill('bsc_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('This token is not right').waitFor();
  });
  await promise('the sign-in has no accessibility violation in either theme', () => bothThemes(page));
  await promise('the sign-in fits every width', () => portraits(page, shots, 'sign-in'));

  await promise('the one-time link signs in and leaves the address bar', async () => {
    await page.goto(link);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.equal(new URL(page.url()).search, '');
  });
  await promise('the link works once', async () => {
    const cookies = await context.cookies();
    await context.clearCookies();
    await page.goto(link);
    await page.getByText('This sign-in link no longer works').waitFor();
    await context.addCookies(cookies);
    await page.goto(origin);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
  await promise('nodes are shown with generation and acknowledgement', async () => {
    await node().waitFor();
    assert.match(await node().textContent(), /in sync[\s\S]*r\d+[\s\S]*\d (µs|ms|s)/);
  });
  await promise('the header says that every node is in sync, and by node on a press', async () => {
    const chip = page.getByRole('button', { name: /^r\d+.*\d+\/\d+ in sync$/ });
    await chip.click();
    await page
      .getByRole('dialog')
      .getByText(/nodes run it on every core/)
      .waitFor();
    await accessible(page);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });
  await promise('services are shown', async () => {
    await page.getByRole('table', { name: 'Services' }).getByText('bascule.ping').first().waitFor();
  });
  await promise('the live number rises under requests', () => liveNumberRises(page));
  await promise('a row opens to the acknowledgement of each core, and its address can be shared', async () => {
    await node().getByRole('button', { expanded: false }).first().click();
    await page.getByText(/Acknowledgement of r\d+, core by core/).waitFor();
    assert.match(page.url(), /[?&]node=/);
    await page.reload();
    await page.getByText(/Acknowledgement of r\d+, core by core/).waitFor();
    await page.getByRole('button', { expanded: true }).first().click();
  });
  await promise('drain and resume say on how many nodes they were applied', async () => {
    await node()
      .getByRole('button', { name: /^Drain / })
      .click();
    await page.getByText(/is draining: r\d+ applied on (\d+)\/\1 nodes in/).waitFor();
    await node().getByText('draining', { exact: true }).waitFor();
    await node()
      .getByRole('button', { name: /^Resume / })
      .click();
    await page.getByText(/is back online: r\d+ applied on (\d+)\/\1 nodes in/).waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });
  await promise('the chart has its numbers as a table', async () => {
    await page.getByRole('button', { name: 'View as table' }).click();
    await page.getByRole('columnheader', { name: 'requests/s' }).waitFor();
    await accessible(page);
    await page.getByRole('button', { name: 'View as chart' }).click();
  });
  await promise('the overview has no accessibility violation in either theme', () => bothThemes(page));
  await promise('the overview fits every width', () => portraits(page, shots, 'overview'));
  await promise('the keyboard reaches the content, and its focus is seen', () => focusIsSeen(page));
  await promise('an unknown path is said to be one', async () => {
    await page.goto(`${origin}/no/such/page`);
    await page.getByRole('heading', { name: 'Not found' }).waitFor();
    await accessible(page);
    await page.getByRole('link', { name: 'Go to the overview' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
  await promise('nothing was asked of another host, and the page raised no error', async () => {
    assert.deepEqual(seen, { external: [], errors: [] });
  });
}

async function bothThemes(page) {
  for (const wanted of ['light', 'dark']) {
    await theme(page, wanted);
    await accessible(page);
  }
}

async function focusIsSeen(page) {
  // A fresh page: the first Tab starts at its top, not where the last press was.
  await page.reload();
  await page.getByRole('table', { name: 'Services' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content');
  await page.keyboard.press('Tab');
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, 'solid');
}

/** Calls the balancer until the page's own number says so. */
async function liveNumberRises(page) {
  const nodes = await page.evaluate(async () => (await fetch('/api/v1/nodes')).json());
  const address = process.env.BASCULE_GATEWAY ?? nodes.items.find((each) => each.balancer_address)?.balancer_address;
  assert.ok(address, 'no node tells a balancer address; set BASCULE_GATEWAY=host:port');
  const tile = page
    .locator('dt', { hasText: 'Requests/s' })
    .locator('xpath=following-sibling::dd')
    .locator('div')
    .first();
  const read = async () => Number(((await tile.textContent()) ?? '').replaceAll(',', ''));
  const before = await read();
  const stop = new AbortController();
  const callers = Array.from({ length: 4 }, () => callUntil(address, stop.signal));
  try {
    await page.waitForFunction(
      ([least]) => {
        const name = [...document.querySelectorAll('dt')].find((dt) => dt.textContent === 'Requests/s');
        const value = name?.nextElementSibling?.firstElementChild?.textContent ?? '';
        return Number(value.replaceAll(',', '')) > least;
      },
      [before + 5],
    );
  } finally {
    stop.abort();
    await Promise.all(callers);
  }
}

async function callUntil(address, signal) {
  while (!signal.aborted) await call(address);
}

function call(address) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const sent = request({ host, port, path: '/zato/ping', timeout: 2000 }, (response) => {
      response.resume().on('end', resolve);
    });
    // A refused request shows in the number that the caller waits for.
    sent.on('error', resolve).on('timeout', () => sent.destroy());
    sent.end();
  });
}
