// `npm run dev:mock`: the mock API and, when it was built, the console. `npm run dev` proxies to it by its default port.

import { startMock } from './server.mjs';
import { newWorld } from './world.mjs';

const port = Number(process.env.PORT ?? 8081);
const mock = await startMock(newWorld({ traffic: true, nodes: 3 }), { port });
console.log(`mock control plane: ${mock.url}, token bsc_mock`);
console.log(`sign in: ${mock.setupLink()}`);
