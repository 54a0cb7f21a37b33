// `npm run e2e:mock`: the story against the mock API, and then what only a mock can arrange: a busy cluster, a node that
// refuses, a lost connection, an empty cluster. Needs `npm run build` first.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { startMock } from '../mock/server.mjs';
import { leave, newWorld, reject } from '../mock/world.mjs';
import { openBrowser, watch } from './browser.mjs';
import { accessible, closingLine, portraits, promise } from './checks.mjs';
import { story } from './story.mjs';

const shots = process.env.BASCULE_E2E_SHOTS;
if (shots) await mkdir(shots, { recursive: true });
const { context, close } = await openBrowser();
const mocks = [];

async function visit(world) {
  const mock = await startMock(world);
  mocks.push(mock);
  const page = await context.newPage();
  return { mock, page, seen: watch(page, mock.url), link: mock.setupLink() };
}

async function overview(world) {
  const visited = await visit(world);
  await visited.page.goto(visited.link);
  await visited.page.getByRole('heading', { name: 'Overview' }).waitFor();
  return visited;
}

try {
  const quiet = await visit(newWorld());
  await story({ context, ...quiet, shots });

  const world = newWorld({ traffic: true, nodes: 3 });
  const { mock, page, seen } = await overview(world);
  await promise('a failure opens to its traceback', async () => {
    const failures = page.getByRole('table', { name: /failed exchanges/ });
    await failures.getByRole('button').first().click();
    await failures.getByText("KeyError: 'street'").waitFor();
    await accessible(page);
  });
  await promise('a busy cluster fits every width', () => portraits(page, shots, 'busy'));
  await promise('a node that rejects a generation is the one alert', async () => {
    leave(world.nodes[2]);
    reject(world, world.nodes[1]);
    await page.getByRole('alert').getByText('dev-2 rejected r7 and keeps serving r6').waitFor();
    await page.getByText('service "address.lookup" is in no live package').first().waitFor();
    await page.getByRole('button', { name: 'Show node' }).click();
    await page.getByText('Rejected r7', { exact: true }).waitFor();
    await accessible(page);
    await portraits(page, shots, 'rejected');
  });
  await promise('a lost connection is admitted with the age of the numbers, and taken up again', async () => {
    mock.cutStreams(true);
    await page.getByText(/Numbers are \d+ s old/).waitFor();
    await accessible(page);
    await portraits(page, shots, 'lost');
    mock.cutStreams(false);
    await page.getByText(/Numbers are/).waitFor({ state: 'hidden' });
  });
  await promise('no error but the refused streams was raised', async () => {
    const errors = seen.errors.filter((error) => !/503|ERR_INCOMPLETE_CHUNKED|ERR_ABORTED|ERR_EMPTY/.test(error));
    assert.deepEqual({ external: seen.external, errors }, { external: [], errors: [] });
  });

  const empty = newWorld({ nodes: 0 });
  Object.assign(empty, { services: [], generations: [], generation: 0 });
  const visited = await overview(empty);
  await promise('an empty cluster says what to do', async () => {
    await visited.page.getByText('No nodes yet.').waitFor();
    await visited.page.getByText('bascule service deploy hello.py').waitFor();
    await accessible(visited.page);
    await portraits(visited.page, shots, 'empty');
  });
  console.log(closingLine());
} finally {
  await close();
  for (const mock of mocks) mock.stop();
}
