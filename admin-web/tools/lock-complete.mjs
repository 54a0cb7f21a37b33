// Completes package-lock.json after `npm install`.
//
// A registry mirror may not serve optional platform packages of other systems (for instance `@biomejs/cli-win32-x64`).
// npm then leaves them out of the lock, and `npm ci` refuses the lock as incomplete. This adds the missing optional
// entries by name and version alone; npm skips them on a platform they are not for, so nothing is downloaded.

import { readFileSync, writeFileSync } from 'node:fs';

const LOCK = new URL('../package-lock.json', import.meta.url);

/** Operating system and CPU as the package's own name spells them; a name that tells neither is refused. */
function platformOf(name) {
  const os = /darwin|linux|win32|freebsd|openbsd|netbsd|android|sunos|aix|openharmony|wasi|wasm/.exec(name)?.[0];
  const cpu = /x64|arm64|ia32|arm|ppc64|s390x|riscv64|loong64|mips64el|wasm32/.exec(name)?.[0];
  if (!os && !cpu) return null;
  const wasm = os === 'wasi' || os === 'wasm' || cpu === 'wasm32';
  if (wasm) return { cpu: ['wasm32'] };
  return { os: [os], cpu: [cpu], ...(name.endsWith('-musl') ? { libc: ['musl'] } : {}) };
}

const lock = JSON.parse(readFileSync(LOCK, 'utf8'));
const added = [];
for (const [parent, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const present = [`${parent}/node_modules/${name}`, `node_modules/${name}`].some((path) => path in lock.packages);
    if (present) continue;
    const platform = platformOf(name);
    if (!platform) throw new Error(`${name}@${version} (of ${parent}) is missing and its name tells no platform`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}
const [root, ...rest] = Object.entries(lock.packages);
rest.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([root, ...rest]);
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
console.log(
  added.length === 0 ? 'lock: complete' : `lock: added ${added.length} optional entries\n  ${added.join('\n  ')}`,
);
