// `npm run budget`: fails when the console's JavaScript outgrows its budget. Run after `npm run build`.
//
// Initial is what the overview needs before it is whole: the entry, what it imports, and the overview's own chunk.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const KIB = 1024;
const INITIAL_BYTES_MAX = 160 * KIB;
const CHUNK_BYTES_MAX = 120 * KIB;
/** Chunks that come with a press; everything else counts as initial, so that a new chunk cannot hide. */
const ON_DEMAND = /^propagation-panel-/;

const assets = fileURLToPath(new URL('../dist/assets', import.meta.url));
const chunks = readdirSync(assets)
  .filter((name) => name.endsWith('.js'))
  .map((name) => ({
    name,
    bytes: gzipSync(readFileSync(join(assets, name)), { level: 9 }).length,
    isInitial: !ON_DEMAND.test(name),
  }));
const initial = chunks.filter((chunk) => chunk.isInitial).reduce((sum, chunk) => sum + chunk.bytes, 0);
const tooLarge = chunks.filter((chunk) => chunk.bytes > CHUNK_BYTES_MAX);

for (const { name, bytes, isInitial } of chunks) {
  console.log(`${(bytes / KIB).toFixed(1).padStart(7)} KiB gzip  ${isInitial ? 'initial  ' : 'on demand'}  ${name}`);
}
console.log(`${(initial / KIB).toFixed(1).padStart(7)} KiB gzip  of ${INITIAL_BYTES_MAX / KIB} initial`);
for (const { name } of tooLarge) console.error(`budget: ${name} is over ${CHUNK_BYTES_MAX / KIB} KiB`);
if (initial > INITIAL_BYTES_MAX) console.error('budget: the initial JavaScript is too large');
process.exitCode = initial > INITIAL_BYTES_MAX || tooLarge.length > 0 ? 1 : 0;
